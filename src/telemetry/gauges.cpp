#include "telemetry/gauges.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "base/text.h"

namespace galley::telemetry {
namespace {

using protocol::GpuSample;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <class T>
float stored_number(const std::optional<T>& value) {
  return value ? static_cast<float>(*value) : kNan;
}
float stored_number(std::int64_t value) { return static_cast<float>(value); }

struct GpuGauge {
  Gauge gauge;
  float (*read)(const GpuSample&);
};

// The first three are named by places in the header.
constexpr auto kGpu = std::to_array<GpuGauge>({
    {{"temperature_celsius", "Temperature of the chip."},
     [](const GpuSample& s) { return stored_number(s.temperature_celsius); }},
    {{"power_watts", "Power drawn."},
     [](const GpuSample& s) { return stored_number(s.power_watts); }},
    {{"utilization_ratio", "Share of time with a kernel running."},
     [](const GpuSample& s) { return stored_number(s.utilization_ratio); }},
    {{"memory_temperature_celsius", "Temperature of the memory."},
     [](const GpuSample& s) { return stored_number(s.memory_temperature_celsius); }},
    {{"power_limit_watts", "Power allowed."},
     [](const GpuSample& s) { return stored_number(s.power_limit_watts); }},
    {{"memory_used_bytes", "Memory in use."},
     [](const GpuSample& s) { return stored_number(s.memory_used_bytes); }},
    {{"memory_total_bytes", "Size of the memory."},
     [](const GpuSample& s) { return stored_number(s.memory_total_bytes); }},
    {{"memory_utilization_ratio", "Share of time with memory being moved."},
     [](const GpuSample& s) { return stored_number(s.memory_utilization_ratio); }},
    {{"sm_clock_mhz", "Clock of the multiprocessors."},
     [](const GpuSample& s) { return stored_number(s.sm_clock_mhz); }},
    {{"memory_clock_mhz", "Clock of the memory."},
     [](const GpuSample& s) { return stored_number(s.memory_clock_mhz); }},
    {{"throttle_reasons", "NVML's bits of what holds the clocks down."},
     [](const GpuSample& s) { return stored_number(s.throttle_reasons); }},
    {{"ecc_corrected_volatile", "Corrected memory errors since the driver was loaded."},
     [](const GpuSample& s) { return stored_number(s.ecc_corrected_volatile); }},
    {{"ecc_uncorrected_volatile", "Uncorrected memory errors since the driver was loaded."},
     [](const GpuSample& s) { return stored_number(s.ecc_uncorrected_volatile); }},
    {{"ecc_corrected_aggregate", "Corrected memory errors of the GPU's life."},
     [](const GpuSample& s) { return stored_number(s.ecc_corrected_aggregate); }},
    {{"ecc_uncorrected_aggregate", "Uncorrected memory errors of the GPU's life."},
     [](const GpuSample& s) { return stored_number(s.ecc_uncorrected_aggregate); }},
    {{"retired_pages_single_bit", "Pages retired for corrected errors."},
     [](const GpuSample& s) { return stored_number(s.retired_pages_single_bit); }},
    {{"retired_pages_double_bit", "Pages retired for uncorrected errors."},
     [](const GpuSample& s) { return stored_number(s.retired_pages_double_bit); }},
    {{"retired_pages_pending", "1 when pages wait for a reset to be retired."},
     [](const GpuSample& s) { return stored_number(s.retired_pages_pending); }},
    {{"remapped_rows_correctable", "Rows replaced for corrected errors."},
     [](const GpuSample& s) { return stored_number(s.remapped_rows_correctable); }},
    {{"remapped_rows_uncorrectable", "Rows replaced for uncorrected errors."},
     [](const GpuSample& s) { return stored_number(s.remapped_rows_uncorrectable); }},
    {{"remapped_rows_pending", "1 when rows wait for a reset to be replaced."},
     [](const GpuSample& s) { return stored_number(s.remapped_rows_pending); }},
    {{"remapped_rows_failure", "1 when a row could not be replaced."},
     [](const GpuSample& s) { return stored_number(s.remapped_rows_failure); }},
    {{"nvlinks_active", "NVLinks that are up."},
     [](const GpuSample& s) { return stored_number(s.nvlinks_active); }},
    {{"nvlink_errors", "Errors of the NVLinks since the driver was loaded."},
     [](const GpuSample& s) { return stored_number(s.nvlink_errors); }},
    {{"last_xid", "The last Xid that was seen."},
     [](const GpuSample& s) { return stored_number(s.last_xid); }},
    {{"lost", "1 when the driver cannot reach the GPU."},
     [](const GpuSample& s) { return s.lost ? 1.0F : 0.0F; }},
    {{"processes", "Processes that hold memory of the GPU."},
     [](const GpuSample& s) { return static_cast<float>(s.processes.size()); }},
});

constexpr auto kGpuGauges = [] {
  std::array<Gauge, kGpu.size()> gauges{};
  for (std::size_t i = 0; i < kGpu.size(); ++i) gauges[i] = kGpu[i].gauge;
  return gauges;
}();

constexpr auto kNodeGauges = std::to_array<Gauge>({
    {"cpu_ratio", "Share of processor time in use."},
    {"load_1m", "Load average of the last minute."},
    {"memory_used_bytes", "Memory in use."},
    {"memory_total_bytes", "Size of the memory."},
    {"memory_ratio", "Share of the memory in use."},
    {"disk_free_bytes", "Free space where the data folder is."},
    {"disk_total_bytes", "Size of the file system where the data folder is."},
    {"disk_read_bytes_per_s", "Bytes read from disks each second."},
    {"disk_written_bytes_per_s", "Bytes written to disks each second."},
    {"network_received_bytes_per_s", "Bytes received from networks each second."},
    {"network_sent_bytes_per_s", "Bytes sent to networks each second."},
});

constexpr auto kJobGauges = std::to_array<Gauge>({
    {"cpus_busy", "Processors that the attempt keeps busy on a node."},
    {"rss_bytes", "Resident memory of its processes."},
    {"gpu_used_bytes", "Memory of GPUs that its processes hold."},
    {"processes", "Processes of the attempt."},
});

constexpr auto kTeamGauges = std::to_array<Gauge>({
    {"gpus_allocated", "GPUs that its jobs hold."},
    {"idle_gpus", "GPUs that its jobs hold and have not used for five minutes."},
    {"queued_jobs", "Its jobs that wait."},
    {"oldest_queued_s", "How long the job that waits longest has waited."},
});

constexpr auto kUserGauges = std::to_array<Gauge>({
    {"gpus_allocated", "GPUs that the jobs of the user hold."},
    {"idle_gpus", "GPUs that they hold and have not used for five minutes."},
});

constexpr auto kFleetGauges = std::to_array<Gauge>({
    {"nodes_reporting", "Machines that were heard of within a minute."},
    {"gpus", "GPUs of those machines."},
    {"gpus_allocated", "GPUs given to jobs."},
    {"idle_gpus", "GPUs given to jobs that have not used them for five minutes."},
    {"gpu_utilization_ratio", "Mean utilisation over all GPUs that report."},
    {"power_watts", "Power drawn by all GPUs."},
    {"queued_jobs", "Jobs that wait."},
    {"oldest_queued_s", "How long the job that waits longest has waited."},
});

constexpr auto kPlatformGauges = std::to_array<Gauge>({
    {"alarm",
     "1 while something of the platform itself is wrong; `galley alerts firing` says what."},
});

constexpr std::array<std::string_view, kKinds> kWords{"node", "gpu",   "job",     "team",
                                                      "user", "fleet", "platform"};

float rate(const std::optional<std::int64_t>& now, const std::optional<std::int64_t>& before,
           std::int64_t passed_ms) {
  if (!now || !before || *now < *before || passed_ms <= 0) return kNan;
  return static_cast<float>(static_cast<double>(*now - *before) * 1e3 /
                            static_cast<double>(passed_ms));
}

}  // namespace

std::string_view word_of(Kind kind) { return kWords[static_cast<std::size_t>(kind)]; }

std::span<const Gauge> gauges(Kind kind) {
  switch (kind) {
    case Kind::node:
      return kNodeGauges;
    case Kind::gpu:
      return kGpuGauges;
    case Kind::job:
      return kJobGauges;
    case Kind::team:
      return kTeamGauges;
    case Kind::user:
      return kUserGauges;
    case Kind::fleet:
      return kFleetGauges;
    case Kind::platform:
      return kPlatformGauges;
  }
  return {};
}

std::string name_of(Metric metric) {
  return std::string(word_of(metric.kind)) + "_" +
         std::string(gauges(metric.kind)[metric.field].field);
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (std::size_t kind = 0; kind < kKinds; ++kind)
    for (std::size_t i = 0; i < gauges(static_cast<Kind>(kind)).size(); ++i)
      names.push_back(name_of({static_cast<Kind>(kind), i}));
  return names;
}

Result<Metric> find_metric(std::string_view name) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const std::string_view word = kWords[kind];
    if (!name.starts_with(word) || name.size() <= word.size() || name[word.size()] != '_') continue;
    const auto all = gauges(static_cast<Kind>(kind));
    const auto found = std::ranges::find(all, name.substr(word.size() + 1), &Gauge::field);
    if (found != all.end())
      return Metric{static_cast<Kind>(kind), static_cast<std::size_t>(found - all.begin())};
  }
  const auto names = metric_names();
  const auto close = nearest(name, names);
  return Error{Errc::not_found, "there is no metric '" + std::string(name.substr(0, 80)) + "'",
               "metric", "a name such as node_cpu_ratio or gpu_temperature_celsius",
               close.empty() ? "" : "did you mean " + close + "?"};
}

std::vector<float> values_of(const GpuSample& sample) {
  std::vector<float> values(kGpu.size());
  std::ranges::transform(kGpu, values.begin(),
                         [&](const GpuGauge& gauge) { return gauge.read(sample); });
  return values;
}

std::vector<float> values_of(const protocol::HostSample& sample, std::int64_t at_ms,
                             const HostCounters* before) {
  const HostCounters none;
  const HostCounters& old = before != nullptr ? *before : none;
  const std::int64_t passed = before != nullptr ? at_ms - old.at_ms : 0;
  const auto total = static_cast<double>(sample.memory_total_bytes);
  return {
      stored_number(sample.cpu_busy_ratio),
      static_cast<float>(sample.load_1m),
      stored_number(sample.memory_used_bytes),
      stored_number(sample.memory_total_bytes),
      total > 0 ? static_cast<float>(static_cast<double>(sample.memory_used_bytes) / total) : kNan,
      stored_number(sample.disk_free_bytes),
      stored_number(sample.disk_total_bytes),
      rate(sample.disk_read_bytes_since_start, old.sample.disk_read_bytes_since_start, passed),
      rate(sample.disk_written_bytes_since_start, old.sample.disk_written_bytes_since_start,
           passed),
      rate(sample.network_received_bytes_since_start, old.sample.network_received_bytes_since_start,
           passed),
      rate(sample.network_sent_bytes_since_start, old.sample.network_sent_bytes_since_start,
           passed)};
}

std::vector<float> values_of(const protocol::JobSample& sample, std::int64_t at_ms,
                             const JobCounters* before) {
  // Of the processes that live: when one ends, its time leaves the sum.
  float busy = kNan;
  if (before != nullptr && sample.cpu_seconds >= before->cpu_seconds && at_ms > before->at_ms)
    busy = static_cast<float>((sample.cpu_seconds - before->cpu_seconds) * 1e3 /
                              static_cast<double>(at_ms - before->at_ms));
  return {busy, stored_number(sample.rss_bytes), stored_number(sample.gpu_used_bytes),
          stored_number(sample.processes)};
}

std::vector<float> values_of(Kind kind, const FleetCounts& counts) {
  const auto allocated = static_cast<float>(counts.gpus_allocated);
  const auto idle = static_cast<float>(counts.gpus_idle);
  const auto queued = static_cast<float>(counts.queued_jobs);
  const auto oldest = static_cast<float>(counts.oldest_queued_s);
  if (kind == Kind::team) return {allocated, idle, queued, oldest};
  if (kind == Kind::user) return {allocated, idle};
  return {static_cast<float>(counts.nodes_reporting),
          static_cast<float>(counts.gpus),
          allocated,
          idle,
          counts.gpus > 0 ? static_cast<float>(counts.utilization_sum / counts.gpus) : kNan,
          static_cast<float>(counts.power_watts),
          queued,
          oldest};
}

}  // namespace galley::telemetry
