#include "gpu_devices.h"

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/text.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kInformationBytes = 64 * 1024;
constexpr std::uint32_t kNvidiaMajor = 195;  // in the kernel's list of devices

}  // namespace

std::optional<GpuDevice> parse_gpu_information(std::string_view text) {
  GpuDevice gpu{.uuid = {}, .device = {.major = kNvidiaMajor, .minor = 0}};
  bool has_minor = false;
  for (const auto line : split(text, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto value = trim(line.substr(colon + 1));
    if (trim(line.substr(0, colon)) == "GPU UUID") gpu.uuid = value;
    if (trim(line.substr(0, colon)) != "Device Minor") continue;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), gpu.device.minor);
    has_minor = error == std::errc{} && end == value.data() + value.size();
  }
  if (!has_minor || !gpu.uuid.starts_with("GPU-")) return std::nullopt;
  return gpu;
}

std::vector<GpuDevice> find_gpu_devices(const fs::path& folder) {
  std::vector<GpuDevice> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder / "gpus", error), end; !error && entry != end;
       entry.increment(error)) {
    const auto text = read_file(entry->path() / "information", kInformationBytes);
    if (!text) continue;
    if (auto gpu = parse_gpu_information(*text)) found.push_back(*std::move(gpu));
  }
  return found;
}

std::vector<process::CharDevice> devices_of_others(const std::vector<GpuDevice>& all,
                                                   const std::vector<std::string>& given) {
  const auto is_given = [&](const GpuDevice& gpu) {
    return std::ranges::find(given, gpu.uuid) != given.end();
  };
  const bool known = std::ranges::all_of(given, [&](const std::string& uuid) {
    return std::ranges::find(all, uuid, &GpuDevice::uuid) != all.end();
  });
  std::vector<process::CharDevice> others;
  if (!known) return others;
  for (const GpuDevice& gpu : all)
    if (!is_given(gpu) && others.size() < process::kMostDeniedDevices) others.push_back(gpu.device);
  return others;
}

}  // namespace galley::agent
