#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace galley::process {

/// What a tree of processes may use together. 0 means no limit.
struct ResourceLimits {
  double cpus = 0;  // 1.5 = one and a half cores' worth of time
  std::int64_t memory_bytes = 0;
  std::int64_t processes = 0;
  bool operator==(const ResourceLimits&) const = default;
};

/// A character device by its numbers, as in /dev.
struct CharDevice {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  bool operator==(const CharDevice&) const = default;
};

/// More would be no machine that we know, and the kernel's programs are bounded.
inline constexpr std::size_t kMostDeniedDevices = 512;

/// Who holds a limit. rlimit counts one process at a time, not the tree; nothing means that it was
/// asked for and this machine lets us enforce it in no way.
enum class LimitBy { not_asked, cgroup_v1, cgroup_v2, rlimit, nothing };
std::string_view to_string(LimitBy by);

/// What actually holds each limit of one tree, for reports.
struct Enforcement {
  LimitBy cpus = LimitBy::not_asked;
  LimitBy memory = LimitBy::not_asked;
  LimitBy processes = LimitBy::not_asked;
  LimitBy devices = LimitBy::not_asked;  // which it may not open
  LimitBy tree = LimitBy::nothing;       // who finds every process of the tree, to end it
};

/// Where this process may make cgroups: under its own group, so that limits already set on us also
/// hold for what we start. A folder that is empty is a controller we do not have.
struct CgroupLayout {
  std::filesystem::path v1_cpu, v1_memory, v1_pids, v1_freezer, v1_devices;
  std::filesystem::path v2;

  /// Reads the mounts and groups of this process. Both hierarchies may be there at once (hybrid).
  static CgroupLayout detect();
  /// Pure: the same from the texts of /proc/self/mountinfo and /proc/self/cgroup.
  static CgroupLayout parse(std::string_view mountinfo, std::string_view groups);

  /// The tightest limits set on our own groups and those above them; 0 where there is none.
  ResourceLimits own_limits() const;
};

/// One cgroup for one tree of processes, in each hierarchy that is needed for its limits.
/// Not thread-safe. The folders stay until remove(): whoever dies in between can reopen them.
class Cgroup {
 public:
  /// Makes the groups and sets the limits, with v2 where it has the controller, else v1. A limit
  /// that cannot be set is reported by enforcement(), not as an error: a job on a machine without
  /// writable cgroups still runs. A group left by a dead predecessor is emptied and used again.
  /// Errors: invalid_argument (the name is no plain folder name).
  static Result<Cgroup> create(const CgroupLayout& layout, std::string_view name,
                               const ResourceLimits& limits,
                               std::span<const CharDevice> denied_devices = {});
  /// The same groups again, by the folders() that were written down.
  static Cgroup reopen(std::vector<std::filesystem::path> folders);

  const Enforcement& enforcement() const { return enforcement_; }
  const std::vector<std::filesystem::path>& folders() const { return folders_; }

  /// Descriptors to which a single-threaded child writes "0" to put itself into the groups.
  Result<std::vector<UniqueFd>> open_joins() const;

  /// Kills every process in the groups, new ones that they fork meanwhile included, and returns
  /// when none is left. Errors: timeout (a process that does not die, e.g. in a hung system call).
  Status kill_all(Millis timeout) const;

  /// How many processes of the group the kernel killed for passing the memory limit.
  std::int64_t oom_kills() const;

  /// Removes the empty groups. Errors: conflict (processes are still inside).
  Status remove() const;

 private:
  Cgroup() = default;
  std::vector<pid_t> members() const;
  bool is_v2(const std::filesystem::path& folder) const;

  std::vector<std::filesystem::path> folders_;
  Enforcement enforcement_;
};

}  // namespace galley::process
