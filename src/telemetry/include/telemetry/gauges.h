#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/samples.h"

namespace galley::telemetry {

/// What a series is about. The word begins the names of its metrics: "gpu_temperature_celsius".
enum class Kind : std::uint8_t { node, gpu, job, team, user, fleet, platform };
inline constexpr std::size_t kKinds = 7;
std::string_view word_of(Kind kind);

/// A number that is followed over time. Its place in gauges() is its place in every row of that
/// kind; what is stored goes by the name, so that places may change between versions.
struct Gauge {
  std::string_view field;  // "temperature_celsius"
  std::string_view help;   // a sentence
};
std::span<const Gauge> gauges(Kind kind);

/// One gauge of all.
struct Metric {
  Kind kind = Kind::node;
  std::size_t field = 0;
  bool operator==(const Metric&) const = default;
};
std::string name_of(Metric metric);
std::vector<std::string> metric_names();
/// Errors: not_found, with the nearest name.
Result<Metric> find_metric(std::string_view name);

/// Places of what other code of ours asks for.
inline constexpr Metric kGpuTemperature{Kind::gpu, 0};
inline constexpr Metric kGpuPower{Kind::gpu, 1};
inline constexpr Metric kGpuUtilization{Kind::gpu, 2};
/// Not followed over time: 1 while an Alarm is there, 0 for some minutes after it.
inline constexpr Metric kPlatformAlarm{Kind::platform, 0};

/// The values of one GPU, of one attempt; NaN where the sample says nothing.
std::vector<float> values_of(const protocol::GpuSample& sample);

/// Rates need two looks: what the counters were, and when.
struct HostCounters {
  std::int64_t at_ms = 0;
  protocol::HostSample sample;
};
/// `before` may be null, and is not used when a counter went back (the machine restarted).
std::vector<float> values_of(const protocol::HostSample& sample, std::int64_t at_ms,
                             const HostCounters* before);
struct JobCounters {
  std::int64_t at_ms = 0;
  double cpu_seconds = 0;
};
std::vector<float> values_of(const protocol::JobSample& sample, std::int64_t at_ms,
                             const JobCounters* before);

/// What the whole fleet, a team and a user have, by the clock of the controller.
struct FleetCounts {
  double nodes_reporting = 0;
  double gpus = 0;  // that report
  double gpus_allocated = 0;
  double gpus_idle = 0;  // allocated and unused, see telemetry.h
  double utilization_sum = 0;
  double power_watts = 0;
  double queued_jobs = 0;
  double oldest_queued_s = 0;
};
std::vector<float> values_of(Kind kind, const FleetCounts& counts);

}  // namespace galley::telemetry
