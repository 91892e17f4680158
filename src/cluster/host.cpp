#include "cluster/host.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/processors.h"
#include "process/cgroup.h"

namespace galley::cluster {
namespace {

constexpr std::int64_t kProcFileBytes =
    4 * 1024 * 1024;  // /proc/stat grows with CPUs and interrupts

std::string hostname() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

}  // namespace

Result<HostCapacity> host_capacity() {
  GALLEY_TRY(const std::string text, read_file("/proc/meminfo", kProcFileBytes));
  GALLEY_TRY(const MemoryInfo memory, parse_meminfo(text));
  const auto limits = process::CgroupLayout::detect().own_limits();
  HostCapacity capacity{hostname(), static_cast<double>(usable_processors()), memory.total_bytes};
  if (limits.cpus > 0) capacity.cpus = std::min(capacity.cpus, limits.cpus);
  if (limits.memory_bytes > 0)
    capacity.memory_bytes = std::min(capacity.memory_bytes, limits.memory_bytes);
  return capacity;
}

Result<HostSample> HostSampler::sample() {
  HostSample sample;
  GALLEY_TRY(const std::string stat, read_file("/proc/stat", kProcFileBytes));
  GALLEY_TRY(const CpuTimes times, parse_cpu_times(stat));
  GALLEY_TRY(const std::string meminfo, read_file("/proc/meminfo", kProcFileBytes));
  GALLEY_TRY(sample.memory, parse_meminfo(meminfo));
  GALLEY_TRY(const std::string loadavg, read_file("/proc/loadavg", kProcFileBytes));
  GALLEY_TRY(sample.load, parse_loadavg(loadavg));
  struct statvfs disk {};
  if (::statvfs(folder_.c_str(), &disk) != 0)
    return system_error("cannot look at the disk of " + folder_.string(), errno);
  const auto block = static_cast<std::int64_t>(disk.f_frsize);
  sample.disk_total_bytes = static_cast<std::int64_t>(disk.f_blocks) * block;
  sample.disk_free_bytes = static_cast<std::int64_t>(disk.f_bavail) * block;
  // The idle counters of some kernels step back a little; then there is nothing to say.
  if (last_ && times.total > last_->total && times.busy >= last_->busy) {
    const auto busy = static_cast<double>(times.busy - last_->busy);
    const auto total = static_cast<double>(times.total - last_->total);
    sample.cpu_busy_ratio = std::min(1.0, busy / total);
  }
  last_ = times;
  return sample;
}

}  // namespace galley::cluster
