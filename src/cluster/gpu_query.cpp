#include "cluster/gpu_query.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "base/text.h"
#include "cluster/gpu.h"
#include "cluster/xid.h"

namespace galley::cluster {
namespace {

using protocol::GpuSample;

constexpr std::size_t kMostQueryLineBytes = 4096;
constexpr std::int64_t kQueryMiB = 1024 * 1024;
constexpr std::int64_t kMostCount = std::int64_t{1} << 60;

/// One value: a number, or one of the ways in which nvidia-smi says that there is none.
struct Word {
  std::string_view text;
  bool failed() const {
    return text == "ERR!" || text == "[Unknown Error]" || text == "Unknown Error" ||
           text == "[GPU requires reset]" || lost();
  }
  bool lost() const { return text == "[GPU is lost]" || text == "GPU is lost"; }

  std::optional<double> real(double least, double most) const {
    std::string plain(text);
    if (std::ranges::count(plain, ',') == 1) std::ranges::replace(plain, ',', '.');
    double value = 0;
    const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
    if (error != std::errc{} || end != plain.data() + plain.size()) return std::nullopt;
    if (!(value >= least) || !(value <= most)) return std::nullopt;
    return value;
  }
  std::optional<std::int64_t> count(std::int64_t most = kMostCount) const {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (value < 0 || value > most) return std::nullopt;
    return value;
  }
  std::optional<std::int64_t> mebibytes() const {
    const auto megas = count(kMostCount / kQueryMiB);
    return megas ? std::optional(*megas * kQueryMiB) : std::nullopt;
  }
  std::optional<double> percent() const {
    const auto value = real(0, 100);
    return value ? std::optional(*value / 100) : std::nullopt;
  }
  std::optional<std::int64_t> bits() const {
    if (!text.starts_with("0x")) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size() ||
        value > static_cast<std::uint64_t>(kMostCount))
      return std::nullopt;
    return static_cast<std::int64_t>(value);
  }
  std::optional<bool> answer() const {
    if (text == "Yes" || text == "yes" || text == "1") return true;
    if (text == "No" || text == "no" || text == "0") return false;
    return std::nullopt;
  }
};

struct Column {
  std::string_view name;
  void (*read)(const Word& word, GpuSample& gpu);
  bool needed = false;
};

constexpr double kHottest = 200;
constexpr double kMostWatts = 10'000;
constexpr std::int64_t kFastestMhz = 100'000;

constexpr Column kColumns[] = {
    {"index",
     [](const Word& word, GpuSample& gpu) { gpu.index = word.count(1'000'000).value_or(-1); },
     true},
    {"uuid",
     [](const Word& word, GpuSample& gpu) {
       if (word.text.starts_with("GPU-")) gpu.uuid = to_valid_utf8(word.text);
     },
     true},
    {"pci.bus_id",
     [](const Word& word, GpuSample& gpu) { gpu.pci_bus_id = normal_pci(word.text); }},
    {"memory.total",
     [](const Word& word, GpuSample& gpu) { gpu.memory_total_bytes = word.mebibytes(); }},
    {"memory.used",
     [](const Word& word, GpuSample& gpu) { gpu.memory_used_bytes = word.mebibytes(); }},
    {"utilization.gpu",
     [](const Word& word, GpuSample& gpu) { gpu.utilization_ratio = word.percent(); }},
    {"utilization.memory",
     [](const Word& word, GpuSample& gpu) { gpu.memory_utilization_ratio = word.percent(); }},
    {"temperature.gpu",
     [](const Word& word, GpuSample& gpu) { gpu.temperature_celsius = word.real(-50, kHottest); }},
    {"temperature.memory",
     [](const Word& word, GpuSample& gpu) {
       gpu.memory_temperature_celsius = word.real(-50, kHottest);
     }},
    {"power.draw",
     [](const Word& word, GpuSample& gpu) { gpu.power_watts = word.real(0, kMostWatts); }},
    {"power.limit",
     [](const Word& word, GpuSample& gpu) { gpu.power_limit_watts = word.real(0, kMostWatts); }},
    {"clocks.sm",
     [](const Word& word, GpuSample& gpu) { gpu.sm_clock_mhz = word.count(kFastestMhz); }},
    {"clocks.mem",
     [](const Word& word, GpuSample& gpu) { gpu.memory_clock_mhz = word.count(kFastestMhz); }},
    {"pstate",
     [](const Word& word, GpuSample& gpu) {
       if (word.text.starts_with('P') && word.text.size() <= 3)
         gpu.performance_state = to_valid_utf8(word.text);
     }},
    {"clocks_throttle_reasons.active",
     [](const Word& word, GpuSample& gpu) { gpu.throttle_reasons = word.bits(); }},
    {"ecc.errors.corrected.volatile.total",
     [](const Word& word, GpuSample& gpu) { gpu.ecc_corrected_volatile = word.count(); }},
    {"ecc.errors.uncorrected.volatile.total",
     [](const Word& word, GpuSample& gpu) { gpu.ecc_uncorrected_volatile = word.count(); }},
    {"ecc.errors.corrected.aggregate.total",
     [](const Word& word, GpuSample& gpu) { gpu.ecc_corrected_aggregate = word.count(); }},
    {"ecc.errors.uncorrected.aggregate.total",
     [](const Word& word, GpuSample& gpu) { gpu.ecc_uncorrected_aggregate = word.count(); }},
    {"retired_pages.single_bit_ecc.count",
     [](const Word& word, GpuSample& gpu) { gpu.retired_pages_single_bit = word.count(); }},
    {"retired_pages.double_bit.count",
     [](const Word& word, GpuSample& gpu) { gpu.retired_pages_double_bit = word.count(); }},
    {"retired_pages.pending",
     [](const Word& word, GpuSample& gpu) { gpu.retired_pages_pending = word.answer(); }},
    {"name", [](const Word& word, GpuSample& gpu) { gpu.model = to_valid_utf8(word.text); }, true},
};

/// Newer drivers have another word for what throttles.
constexpr std::string_view kThrottleOld = "clocks_throttle_reasons.active";
constexpr std::string_view kThrottleNew = "clocks_event_reasons.active";

const Column& column(std::string_view name) {
  if (name == kThrottleNew) name = kThrottleOld;
  return *std::ranges::find(kColumns, name, &Column::name);
}

/// Splits into `count` values, the last of which takes what is left. nvidia-smi separates by a
/// comma and a blank; a bare comma may be the decimal one of another locale.
std::vector<std::string_view> values_of(std::string_view line, std::size_t count) {
  const auto split_by = [&](std::string_view separator) {
    std::vector<std::string_view> values;
    std::string_view rest = line;
    while (values.size() + 1 < count) {
      const auto end = rest.find(separator);
      if (end == std::string_view::npos) break;
      values.push_back(trim(rest.substr(0, end)));
      rest.remove_prefix(end + separator.size());
    }
    values.push_back(trim(rest));
    return values;
  };
  auto values = split_by(", ");
  if (values.size() < count) values = split_by(",");
  return values;
}

template <class Take>
void for_each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::optional<GpuSample> parse_row(std::string_view line, const std::vector<std::string>& fields) {
  if (line.size() > kMostQueryLineBytes) return std::nullopt;
  const auto values = values_of(line, fields.size());
  if (values.size() != fields.size()) return std::nullopt;
  GpuSample gpu;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Word word{values[i]};
    if (word.failed()) ++gpu.unreadable_fields;
    gpu.lost = gpu.lost || word.lost();
    column(fields[i]).read(word, gpu);
  }
  if (gpu.index < 0 || gpu.uuid.empty()) return std::nullopt;
  return gpu;
}

GpuSample* find(std::vector<GpuSample>& gpus, std::string_view uuid) {
  const auto found = std::ranges::find(gpus, uuid, &GpuSample::uuid);
  return found == gpus.end() ? nullptr : &*found;
}

}  // namespace

GpuQuery::GpuQuery() {
  for (const Column& one : kColumns) fields_.emplace_back(one.name);
}

std::string GpuQuery::text() const {
  std::string text;
  for (const std::string& field : fields_) text += (text.empty() ? "" : ",") + field;
  return text;
}

bool GpuQuery::drop(std::string_view complaint) {
  const auto begin = complaint.find('"');
  if (begin == std::string_view::npos || complaint.find("not a valid field") == complaint.npos)
    return false;
  const auto end = complaint.find('"', begin + 1);
  if (end == std::string_view::npos) return false;
  const auto name = complaint.substr(begin + 1, end - begin - 1);
  const auto found = std::ranges::find(fields_, name);
  if (found == fields_.end() || column(*found).needed) return false;
  if (name == kThrottleOld)
    *found = kThrottleNew;
  else
    fields_.erase(found);
  return true;
}

GpuRows parse_gpu_rows(std::string_view text, const GpuQuery& query) {
  GpuRows rows;
  for_each_line(text, [&](std::string_view line) {
    line = trim(line);
    if (line.empty()) return;
    auto gpu = parse_row(line, query.fields());
    const auto same = [&](const GpuSample& other) {
      return other.uuid == gpu->uuid || other.index == gpu->index;
    };
    if (!gpu || rows.gpus.size() == kMostGpus || std::ranges::any_of(rows.gpus, same))
      ++rows.garbled;
    else
      rows.gpus.push_back(*std::move(gpu));
  });
  return rows;
}

std::vector<std::string> parse_unreachable(std::string_view text) {
  constexpr std::string_view kMark = "device handle for GPU";
  std::vector<std::string> addresses;
  for_each_line(text, [&](std::string_view line) {
    const auto mark = line.find(kMark);
    if (mark == std::string_view::npos || addresses.size() == kMostGpus) return;
    // The number of the GPU may stand before its address: "GPU0: 0000:3B:00.0: ...".
    for (const auto word : split(line.substr(mark + kMark.size()), ' ')) {
      const auto address = normal_pci(word.ends_with(':') ? word.substr(0, word.size() - 1) : word);
      if (address.empty()) continue;
      addresses.push_back(address);
      return;
    }
  });
  return addresses;
}

std::vector<GpuApp> parse_gpu_apps(std::string_view text) {
  constexpr std::size_t kValues = 4;
  constexpr std::size_t kMostApps = 4096;
  constexpr std::size_t kMostNameBytes = 256;
  std::vector<GpuApp> apps;
  for_each_line(text, [&](std::string_view line) {
    const auto values = values_of(line.substr(0, kMostQueryLineBytes), kValues);
    if (values.size() != kValues || !values[0].starts_with("GPU-") || apps.size() == kMostApps)
      return;
    const auto pid = Word{values[1]}.count(std::int64_t{1} << 31);
    if (!pid) return;
    GpuApp app{to_valid_utf8(values[0]), {}};
    app.process.pid = *pid;
    app.process.gpu_used_bytes = Word{values[2]}.mebibytes();
    app.process.name = to_valid_utf8(values[3].substr(0, kMostNameBytes));
    apps.push_back(std::move(app));
  });
  return apps;
}

void read_remapped_rows(std::string_view text, std::vector<GpuSample>& gpus) {
  constexpr std::size_t kValues = 5;
  for_each_line(text, [&](std::string_view line) {
    const auto values = values_of(line.substr(0, kMostQueryLineBytes), kValues);
    GpuSample* gpu = values.size() == kValues ? find(gpus, values[0]) : nullptr;
    if (gpu == nullptr) return;
    gpu->remapped_rows_correctable = Word{values[1]}.count();
    gpu->remapped_rows_uncorrectable = Word{values[2]}.count();
    gpu->remapped_rows_pending = Word{values[3]}.answer();
    gpu->remapped_rows_failure = Word{values[4]}.answer();
  });
}

void read_nvlinks(std::string_view text, std::vector<GpuSample>& gpus) {
  GpuSample* gpu = nullptr;
  bool states = false;  // the lines tell of links, not of their errors
  for_each_line(text, [&](std::string_view line) {
    line = trim(line.substr(0, kMostQueryLineBytes));
    if (line.starts_with("GPU ")) {
      constexpr std::string_view kMark = "(UUID: ";
      const auto mark = line.find(kMark);
      gpu =
          mark == std::string_view::npos
              ? nullptr
              : find(gpus, line.substr(mark + kMark.size(), line.rfind(')') - mark - kMark.size()));
      states = gpu != nullptr && !gpu->nvlinks_total;
      return;
    }
    if (gpu == nullptr || !line.starts_with("Link ")) return;
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) return;
    const auto value = line.substr(colon + 2);
    const auto errors = value.find(" Errors: ");
    if (errors != std::string_view::npos) {
      const auto count = Word{trim(value.substr(errors + 9))}.count(std::int64_t{1} << 40);
      if (count) gpu->nvlink_errors = gpu->nvlink_errors.value_or(0) + *count;
    } else if (states) {
      gpu->nvlinks_total = gpu->nvlinks_total.value_or(0) + 1;
      gpu->nvlinks_active =
          gpu->nvlinks_active.value_or(0) + (value.find("GB/s") != std::string_view::npos ? 1 : 0);
    }
  });
}

}  // namespace galley::cluster
