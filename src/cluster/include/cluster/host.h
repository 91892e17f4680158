#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::cluster {

/// What this machine can give to jobs: its size, cut to what we ourselves are allowed (affinity,
/// cgroups of a container).
struct HostCapacity {
  std::string hostname;
  double cpus = 0;  // whole, unless a cgroup grants a fraction
  std::int64_t memory_bytes = 0;
};

/// Errors: those of reading /proc.
Result<HostCapacity> host_capacity();

/// The jiffies of /proc/stat's first line since boot.
struct CpuTimes {
  std::uint64_t busy = 0;
  std::uint64_t total = 0;
};

struct MemoryInfo {
  std::int64_t total_bytes = 0;
  std::int64_t available_bytes = 0;
};

struct LoadAverage {
  double minutes1 = 0;
  double minutes5 = 0;
  double minutes15 = 0;
};

/// Pure readers of /proc/stat, /proc/meminfo and /proc/loadavg. Errors: corrupt.
Result<CpuTimes> parse_cpu_times(std::string_view text);
Result<MemoryInfo> parse_meminfo(std::string_view text);
Result<LoadAverage> parse_loadavg(std::string_view text);

/// How busy the machine is. Of the whole machine, whatever container we are in.
struct HostSample {
  std::optional<double> cpu_busy_ratio;  // over the time since the last sample; absent in the first
  MemoryInfo memory;
  LoadAverage load;
  std::int64_t disk_total_bytes = 0;  // of the file system that holds the data folder
  std::int64_t disk_free_bytes = 0;   // what an unprivileged process may still write
};

/// Samples the load; remembers only the last CPU times. Not thread-safe. A sample costs 0.1 ms.
class HostSampler {
 public:
  explicit HostSampler(std::filesystem::path data_folder) : folder_(std::move(data_folder)) {}
  /// Errors: those of reading /proc or the folder's file system.
  Result<HostSample> sample();

 private:
  std::filesystem::path folder_;
  std::optional<CpuTimes> last_;
};

}  // namespace galley::cluster
