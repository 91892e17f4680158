#include "process/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <thread>

#include "base/text.h"
#include "device_filter.h"

namespace galley::process {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;
constexpr std::int64_t kGroupFileBytes = 4 * 1024 * 1024;
constexpr std::chrono::microseconds kLongestPause{20'000};
constexpr std::int64_t kCpuPeriodUs = 100'000;
// The kernel refuses a quota below one millisecond.
constexpr std::int64_t kCpuQuotaLeastUs = 1'000;
// v2 lets a group have either members or limited children, so the processes found in our own group
// move into this leaf of it; a process started from the leaf makes its groups beside it.
constexpr const char* kLeafName = "galley-agent";

bool write_setting(const fs::path& file, std::string_view value) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), value.data(), value.size()) == std::ssize(value);
}

bool has_word(const fs::path& file, std::string_view word) {
  const auto text = read_file(file, kGroupFileBytes);
  if (!text) return false;
  const auto words = split(trim(*text), ' ');
  return std::ranges::find(words, word) != words.end();
}

/// The number after `key ` on a line of its own, or 0.
std::int64_t keyed_number(const fs::path& file, std::string_view key) {
  const auto text = read_file(file, kGroupFileBytes);
  if (!text) return 0;
  for (const auto line : split(*text, '\n')) {
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
    const auto word = line.substr(key.size() + 1);
    std::int64_t number = 0;
    std::from_chars(word.data(), word.data() + word.size(), number);
    return number;
  }
  return 0;
}

std::vector<pid_t> pids_in(const fs::path& folder) {
  std::vector<pid_t> pids;
  const auto text = read_file(folder / "cgroup.procs", kGroupFileBytes);
  if (!text) return pids;
  for (const auto line : split(*text, '\n')) {
    pid_t pid = 0;
    std::from_chars(line.data(), line.data() + line.size(), pid);
    if (pid > 0) pids.push_back(pid);
  }
  return pids;
}

fs::path v2_base(const CgroupLayout& layout) {
  return layout.v2.filename() == kLeafName ? layout.v2.parent_path() : layout.v2;
}

/// Makes a v2 controller usable by the children of `base`.
bool enable_v2(const fs::path& base, const std::string& controller) {
  if (base.empty() || !has_word(base / "cgroup.controllers", controller)) return false;
  const fs::path control = base / "cgroup.subtree_control";
  if (has_word(control, controller) || write_setting(control, "+" + controller)) return true;
  if (errno != EBUSY) return false;
  const fs::path leaf = base / kLeafName;
  ::mkdir(leaf.c_str(), 0755);
  for (const pid_t pid : pids_in(base)) write_setting(leaf / "cgroup.procs", std::to_string(pid));
  return write_setting(control, "+" + controller);
}

std::string cpu_quota_us(double cpus) {
  const auto quota = std::llround(cpus * static_cast<double>(kCpuPeriodUs));
  return std::to_string(std::max<std::int64_t>(quota, kCpuQuotaLeastUs));
}

bool limit_cpu(const fs::path& group, bool v2, const ResourceLimits& limits) {
  const std::string period = std::to_string(kCpuPeriodUs);
  if (v2) return write_setting(group / "cpu.max", cpu_quota_us(limits.cpus) + " " + period);
  return write_setting(group / "cpu.cfs_period_us", period) &&
         write_setting(group / "cpu.cfs_quota_us", cpu_quota_us(limits.cpus));
}

bool limit_memory(const fs::path& group, bool v2, const ResourceLimits& limits) {
  const std::string bytes = std::to_string(limits.memory_bytes);
  // Without swap in the sum, a job over its limit would slow the whole machine instead of ending.
  // Kernels without swap accounting lack these files, which is as good.
  if (v2) {
    write_setting(group / "memory.swap.max", "0");
    return write_setting(group / "memory.max", bytes);
  }
  const bool limited = write_setting(group / "memory.limit_in_bytes", bytes);
  write_setting(group / "memory.memsw.limit_in_bytes", bytes);
  return limited;
}

bool limit_processes(const fs::path& group, bool, const ResourceLimits& limits) {
  return write_setting(group / "pids.max", std::to_string(limits.processes));
}

bool deny_devices(const fs::path& group, bool v2, std::span<const CharDevice> devices) {
  if (v2) return deny_by_v2(group, devices);
  return std::ranges::all_of(devices, [&](const CharDevice& device) {
    return write_setting(group / "devices.deny", "c " + std::to_string(device.major) + ":" +
                                                     std::to_string(device.minor) + " rwm");
  });
}

Status check_name(std::string_view name) {
  const bool plain = !name.empty() && name.size() <= 200 && name != "." && name != ".." &&
                     name.find_first_of("/\n") == std::string_view::npos &&
                     name.find('\0') == std::string_view::npos;
  if (plain) return ok();
  return Error{Errc::invalid_argument,
               "'" + to_valid_utf8(name.substr(0, 64)) + "' cannot name a cgroup", "cgroup",
               "1 to 200 characters without '/'"};
}

}  // namespace

std::string_view to_string(LimitBy by) {
  switch (by) {
    case LimitBy::not_asked:
      return "not_asked";
    case LimitBy::cgroup_v1:
      return "cgroup_v1";
    case LimitBy::cgroup_v2:
      return "cgroup_v2";
    case LimitBy::rlimit:
      return "rlimit";
    case LimitBy::nothing:
      return "nothing";
  }
  return "nothing";
}

Result<Cgroup> Cgroup::create(const CgroupLayout& layout, std::string_view name,
                              const ResourceLimits& limits,
                              std::span<const CharDevice> denied_devices) {
  GALLEY_TRY_STATUS(check_name(name));
  Cgroup group;
  const auto make = [&](const fs::path& base) -> fs::path {
    if (base.empty()) return {};
    const fs::path folder = base / name;
    const bool made = ::mkdir(folder.c_str(), 0755) == 0;
    if (!made && (errno != EEXIST || !fs::is_directory(folder))) return {};
    if (std::ranges::find(group.folders_, folder) == group.folders_.end())
      group.folders_.push_back(folder);
    return folder;
  };

  // `controller`: what v2 needs for it; null where it needs none.
  const auto hold = [&](bool asked, const char* controller, const fs::path& v1, const auto& set,
                        const auto& what) {
    if (!asked) return LimitBy::not_asked;
    if (controller == nullptr || enable_v2(v2_base(layout), controller)) {
      const fs::path folder = make(v2_base(layout));
      if (!folder.empty() && set(folder, true, what)) return LimitBy::cgroup_v2;
    }
    const fs::path folder = make(v1);
    if (!folder.empty() && set(folder, false, what)) return LimitBy::cgroup_v1;
    return LimitBy::nothing;
  };
  group.enforcement_.cpus = hold(limits.cpus > 0, "cpu", layout.v1_cpu, limit_cpu, limits);
  group.enforcement_.memory =
      hold(limits.memory_bytes > 0, "memory", layout.v1_memory, limit_memory, limits);
  group.enforcement_.processes =
      hold(limits.processes > 0, "pids", layout.v1_pids, limit_processes, limits);
  group.enforcement_.devices =
      hold(!denied_devices.empty(), nullptr, layout.v1_devices, deny_devices, denied_devices);

  // The freezer before a bare v2 group: it is joined through `tasks`, cheaper than cgroup.procs.
  if (!make(layout.v1_freezer).empty())
    group.enforcement_.tree = LimitBy::cgroup_v1;
  else if (!make(v2_base(layout)).empty())
    group.enforcement_.tree = LimitBy::cgroup_v2;
  else if (!group.folders_.empty())
    group.enforcement_.tree = LimitBy::cgroup_v1;
  if (!group.members().empty()) GALLEY_TRY_STATUS(group.kill_all(Millis{5'000}));
  return group;
}

Cgroup Cgroup::reopen(std::vector<fs::path> folders) {
  Cgroup group;
  group.folders_ = std::move(folders);
  return group;
}

// v2 has no `tasks` file.
bool Cgroup::is_v2(const fs::path& folder) const { return !fs::exists(folder / "tasks"); }

Result<std::vector<UniqueFd>> Cgroup::open_joins() const {
  std::vector<UniqueFd> joins;
  for (const fs::path& folder : folders_) {
    // Through `tasks` a thread moves itself alone. v1's cgroup.procs takes a lock over all forks of
    // the machine and can wait milliseconds for it.
    const fs::path file = folder / (is_v2(folder) ? "cgroup.procs" : "tasks");
    UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return system_error("cannot open " + file.string(), errno);
    joins.push_back(std::move(fd));
  }
  return joins;
}

std::vector<pid_t> Cgroup::members() const {
  std::vector<pid_t> pids;
  for (const fs::path& folder : folders_)
    for (const pid_t pid : pids_in(folder)) pids.push_back(pid);
  std::ranges::sort(pids);
  const auto [first, last] = std::ranges::unique(pids);
  pids.erase(first, last);
  return pids;
}

Status Cgroup::kill_all(Millis timeout) const {
  const auto deadline = Steady::now() + timeout;
  for (auto pause = std::chrono::microseconds{50};; pause = std::min(pause * 2, kLongestPause)) {
    for (const fs::path& folder : folders_)
      if (is_v2(folder)) write_setting(folder / "cgroup.kill", "1");
    const auto pids = members();
    if (pids.empty()) return ok();
    // Frozen, a tree that forks faster than we read the list stands still while it is killed; v1
    // delivers the signals when it thaws.
    for (const fs::path& folder : folders_) write_setting(folder / "freezer.state", "FROZEN");
    for (const pid_t pid : members()) ::kill(pid, SIGKILL);
    for (const fs::path& folder : folders_) write_setting(folder / "freezer.state", "THAWED");
    if (Steady::now() >= deadline)
      return Error{Errc::timeout, std::to_string(pids.size()) + " processes of cgroup " +
                                      folders_.front().string() + " did not die in " +
                                      std::to_string(timeout.count()) + " ms"};
    // There is no event for "the last member is gone" that both versions have.
    std::this_thread::sleep_for(pause);
  }
}

std::int64_t Cgroup::oom_kills() const {
  std::int64_t kills = 0;
  for (const fs::path& folder : folders_)
    kills = std::max({kills, keyed_number(folder / "memory.oom_control", "oom_kill"),
                      keyed_number(folder / "memory.events", "oom_kill")});
  return kills;
}

Status Cgroup::remove() const {
  Status status = ok();
  for (const fs::path& folder : folders_)
    if (::rmdir(folder.c_str()) != 0 && errno != ENOENT)
      status = system_error("cannot remove cgroup " + folder.string(), errno);
  return status;
}

}  // namespace galley::process
