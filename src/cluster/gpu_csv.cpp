#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "cluster/gpu.h"

namespace galley::cluster {
namespace {

constexpr std::size_t kFields = 9;
constexpr std::size_t kMostLineBytes = 4096;
constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kMostMiB = std::int64_t{1} << 40;

template <class Number>
std::optional<Number> number_of(std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!(value >= least) || !(value <= most)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> mebibytes(std::string_view text) {
  const auto count = number_of<std::int64_t>(text, 0, kMostMiB);
  return count ? std::optional(*count * kMiB) : std::nullopt;
}

Error fault(std::size_t line, const std::string& what) {
  return Error{Errc::corrupt, "line " + std::to_string(line) + " of nvidia-smi's answer " + what};
}

/// A name may hold commas; the two fields before it and the six behind it do not.
std::vector<std::string_view> fields_of(std::string_view line) {
  auto fields = split(line, ',');
  if (fields.size() > kFields) {
    const auto extra = fields.size() - kFields;
    const char* begin = fields[2].data();
    const std::string_view last = fields[2 + extra];
    fields[2] =
        std::string_view(begin, static_cast<std::size_t>(last.data() - begin) + last.size());
    const auto first_extra = fields.begin() + 3;
    fields.erase(first_extra, first_extra + static_cast<std::ptrdiff_t>(extra));
  }
  for (auto& field : fields) field = trim(field);
  return fields;
}

Result<GpuDevice> parse_device(std::string_view line, std::size_t number) {
  if (line.size() > kMostLineBytes)
    return fault(number, "is " + std::to_string(line.size()) + " bytes long");
  const auto fields = fields_of(line);
  if (fields.size() < kFields)
    return fault(number, "has " + std::to_string(fields.size()) + " fields instead of " +
                             std::to_string(kFields));
  const auto index = number_of<int>(fields[0], 0, 1'000'000);
  if (!index)
    return fault(number, "has no device index: '" + to_valid_utf8(fields[0].substr(0, 64)) + "'");
  const auto memory = mebibytes(fields[3]);
  if (!memory)
    return fault(number, "has no memory size: '" + to_valid_utf8(fields[3].substr(0, 64)) + "'");
  if (fields[1].empty() || fields[1].starts_with('[')) return fault(number, "has no device uuid");

  GpuDevice device;
  device.index = *index;
  device.uuid = to_valid_utf8(fields[1]);
  device.name = to_valid_utf8(fields[2]);
  device.memory_total_bytes = *memory;
  device.memory_used_bytes = mebibytes(fields[4]);
  if (const auto percent = number_of<double>(fields[5], 0, 100))
    device.utilization_ratio = *percent / 100;
  device.temperature_celsius = number_of<double>(fields[6], -273, 1000);
  device.power_watts = number_of<double>(fields[7], 0, 1e6);
  device.ecc_errors_uncorrected = number_of<std::int64_t>(fields[8], 0, std::int64_t{1} << 62);
  return device;
}

}  // namespace

Result<std::vector<GpuDevice>> parse_gpu_csv(std::string_view text) {
  std::vector<GpuDevice> devices;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    if (devices.size() == kMostGpus)
      return fault(number, "is beyond the " + std::to_string(kMostGpus) + " devices a machine has");
    GALLEY_TRY(GpuDevice device, parse_device(line, number));
    const auto same = [&](const GpuDevice& other) {
      return other.uuid == device.uuid || other.index == device.index;
    };
    // Two rows for one device would count, and hand out, its memory twice.
    if (std::ranges::any_of(devices, same))
      return fault(number, "names device " + std::to_string(device.index) + " again");
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace galley::cluster
