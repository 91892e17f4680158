#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "process/cgroup.h"

namespace galley::process {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kProcFileBytes = 1024 * 1024;
// v1 says "no limit" with a number close to 2^63 rounded down to a page.
constexpr std::int64_t kNoMemoryLimit = std::int64_t{1} << 60;

struct Mount {
  std::string root;  // the part of the hierarchy that is visible at `point`
  fs::path point;
  bool v2 = false;
  std::vector<std::string_view> controllers;  // v1
};

std::optional<Mount> parse_mount(std::string_view line) {
  // 36 35 98:0 ROOT POINT OPTIONS [tags...] - TYPE SOURCE SUPER_OPTIONS
  const auto separator = line.find(" - ");
  if (separator == std::string_view::npos) return std::nullopt;
  const auto left = split(line.substr(0, separator), ' ');
  const auto right = split(line.substr(separator + 3), ' ');
  if (left.size() < 6 || right.size() < 3) return std::nullopt;
  if (right[0] != "cgroup" && right[0] != "cgroup2") return std::nullopt;
  return Mount{std::string(left[3]), fs::path(left[4]), right[0] == "cgroup2",
               split(right[2], ',')};
}

/// The folder of group `path` as this mount shows it; empty when it lies outside the mount.
fs::path folder_of(const Mount& mount, std::string_view path) {
  if (mount.root != "/") {
    if (!path.starts_with(mount.root)) return {};
    path.remove_prefix(mount.root.size());
  }
  while (path.starts_with('/')) path.remove_prefix(1);
  // ".." appears when our group lies outside our cgroup namespace.
  if (path.starts_with("..")) return {};
  return path.empty() ? mount.point : mount.point / path;
}

std::optional<std::int64_t> read_number(const fs::path& file) {
  const auto text = read_file(file, kProcFileBytes);
  if (!text) return std::nullopt;
  const auto word = trim(*text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

double cpus_of(const fs::path& folder) {
  if (const auto quota = read_number(folder / "cpu.cfs_quota_us")) {
    const auto period = read_number(folder / "cpu.cfs_period_us");
    if (*quota > 0 && period && *period > 0)
      return static_cast<double>(*quota) / static_cast<double>(*period);
    return 0;
  }
  const auto text = read_file(folder / "cpu.max", kProcFileBytes);
  if (!text) return 0;
  const auto words = split(trim(*text), ' ');
  std::int64_t quota = 0;
  std::int64_t period = 0;
  const auto number = [](std::string_view word, std::int64_t& out) {
    return std::from_chars(word.data(), word.data() + word.size(), out).ec == std::errc{};
  };
  if (words.size() != 2 || !number(words[0], quota) || !number(words[1], period) || period <= 0)
    return 0;
  return static_cast<double>(quota) / static_cast<double>(period);
}

std::int64_t limit_of(const fs::path& folder, const char* v1_file, const char* v2_file) {
  auto number = read_number(folder / v1_file);
  if (!number) number = read_number(folder / v2_file);
  return number && *number > 0 && *number < kNoMemoryLimit ? *number : 0;
}

template <class Number>
void tighten(Number& limit, Number candidate) {
  if (candidate > 0 && (limit == 0 || candidate < limit)) limit = candidate;
}

/// Calls visit for the folder and those above it, as long as they are cgroups.
template <class Visit>
void walk_up(fs::path folder, Visit visit) {
  while (!folder.empty() && fs::exists(folder / "cgroup.procs")) {
    visit(folder);
    if (folder == folder.parent_path()) return;
    folder = folder.parent_path();
  }
}

}  // namespace

CgroupLayout CgroupLayout::detect() {
  const auto mounts = read_file("/proc/self/mountinfo", kProcFileBytes);
  const auto groups = read_file("/proc/self/cgroup", kProcFileBytes);
  if (!mounts || !groups) return {};
  return parse(*mounts, *groups);
}

CgroupLayout CgroupLayout::parse(std::string_view mountinfo, std::string_view groups) {
  std::vector<Mount> mounts;
  for (const auto line : split(mountinfo, '\n'))
    if (auto mount = parse_mount(line)) mounts.push_back(std::move(*mount));

  CgroupLayout layout;
  for (const auto line : split(groups, '\n')) {
    // "4:memory:/path", or "0::/path" for v2.
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const auto path = line.substr(second + 1);
    for (const Mount& mount : mounts) {
      if (controllers.empty()) {
        if (mount.v2) layout.v2 = folder_of(mount, path);
        continue;
      }
      if (mount.v2) continue;
      for (const auto controller : split(controllers, ',')) {
        if (std::ranges::find(mount.controllers, controller) == mount.controllers.end()) continue;
        if (controller == "cpu") layout.v1_cpu = folder_of(mount, path);
        if (controller == "memory") layout.v1_memory = folder_of(mount, path);
        if (controller == "pids") layout.v1_pids = folder_of(mount, path);
        if (controller == "freezer") layout.v1_freezer = folder_of(mount, path);
        if (controller == "devices") layout.v1_devices = folder_of(mount, path);
      }
    }
  }
  return layout;
}

ResourceLimits CgroupLayout::own_limits() const {
  ResourceLimits limits;
  for (const fs::path& start : {v1_cpu, v2})
    walk_up(start, [&](const fs::path& folder) { tighten(limits.cpus, cpus_of(folder)); });
  for (const fs::path& start : {v1_memory, v2})
    walk_up(start, [&](const fs::path& folder) {
      tighten(limits.memory_bytes, limit_of(folder, "memory.limit_in_bytes", "memory.max"));
    });
  for (const fs::path& start : {v1_pids, v2})
    walk_up(start, [&](const fs::path& folder) {
      tighten(limits.processes, limit_of(folder, "pids.max", "pids.max"));
    });
  return limits;
}

}  // namespace galley::process
