#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cluster/topology.h"

namespace galley::cluster {

/// One GPU as its driver reports it. What the driver does not know is absent.
struct GpuDevice {
  int index = 0;     // the driver's number; may change with a reboot
  std::string uuid;  // stable; what allocations and CUDA_VISIBLE_DEVICES name
  std::string name;
  std::int64_t memory_total_bytes = 0;
  std::optional<std::int64_t> memory_used_bytes;
  std::optional<double> utilization_ratio;  // 0 to 1
  std::optional<double> temperature_celsius;
  std::optional<double> power_watts;
  std::optional<std::int64_t> ecc_errors_uncorrected;  // since the driver was loaded
  bool operator==(const GpuDevice&) const = default;
};

/// The fields asked of nvidia-smi, in the order that parse_gpu_csv reads them.
inline constexpr std::string_view kGpuQuery =
    "index,uuid,name,memory.total,memory.used,utilization.gpu,temperature.gpu,power.draw,"
    "ecc.errors.uncorrected.volatile.total";

/// More devices than any machine has; a longer list is not nvidia-smi's.
inline constexpr std::size_t kMostGpus = 128;

/// Reads the answer of `nvidia-smi --query-gpu=<kGpuQuery> --format=csv,noheader,nounits`.
/// A value in brackets ("[N/A]", "[Not Supported]", "[Unknown Error]") or one that is not a
/// sensible number is absent; index, uuid and memory.total must be there. Empty lines are skipped.
/// Pure. Errors: corrupt, naming the line: too few fields, no index, uuid or memory, a device named
/// twice, more than kMostGpus lines.
Result<std::vector<GpuDevice>> parse_gpu_csv(std::string_view text);

/// What the last look at the GPUs gave.
struct GpuReport {
  std::vector<GpuDevice> devices;
  bool stale = false;          // devices are from an earlier look, because this one failed
  std::optional<Error> error;  // why it failed
};

struct GpuProbeOptions {
  std::string program = "nvidia-smi";  // looked up in PATH
  Millis timeout{5'000};
};

/// Looks at this machine's GPUs through a short-lived child, because a driver in trouble hangs its
/// callers. No such program means a machine without GPUs, not an error. When a look fails the
/// devices of the last good one stay, marked stale. One look takes 20 ms to some seconds.
/// Not thread-safe.
class GpuProbe {
 public:
  explicit GpuProbe(GpuProbeOptions options = {}) : options_(std::move(options)) {}
  /// Blocks for at most the timeout.
  const GpuReport& look();
  const GpuReport& last() const { return report_; }
  /// How the GPUs are linked. Blocks for at most the timeout. Errors: not_found when there is no
  /// such program, timeout, unavailable with what it said, those of parse_topo_matrix.
  Result<LinkMatrix> look_at_links() const;

 private:
  GpuProbeOptions options_;
  GpuReport report_;
};

}  // namespace galley::cluster
