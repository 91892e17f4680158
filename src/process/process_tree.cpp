#include "process_tree.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <unordered_map>

#include "base/file.h"
#include "base/text.h"
#include "folder_handle.h"
#include "process/identity.h"

namespace galley::process {
namespace {

// An environment is at most a few MiB (the kernel's limit on exec arguments).
constexpr std::int64_t kStatusFileBytes = 8 * 1024 * 1024;

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  const FolderHandle proc(::opendir("/proc"));
  if (!proc) return pids;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc{} && end == name.data() + name.size()) pids.push_back(pid);
  }
  return pids;
}

std::string proc_file(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

}  // namespace

std::vector<pid_t> descendants_of(pid_t ancestor) {
  std::unordered_map<pid_t, std::vector<pid_t>> children;
  for (const pid_t pid : all_processes()) {
    const auto text = read_file(proc_file(pid, "stat"), kStatusFileBytes);
    const auto stat = text ? parse_proc_stat(*text) : std::nullopt;
    if (stat) children[stat->parent].push_back(pid);
  }
  std::vector<pid_t> found = children[ancestor];
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto more = children.find(found[i]);
    if (more != children.end()) found.insert(found.end(), more->second.begin(), more->second.end());
  }
  return found;
}

std::vector<pid_t> processes_with_environment(std::string_view entry) {
  std::vector<pid_t> found;
  for (const pid_t pid : all_processes()) {
    if (pid == ::getpid()) continue;
    const auto text = read_file(proc_file(pid, "environ"), kStatusFileBytes);
    if (!text) continue;  // it ended, or it is not ours to see
    const auto entries = split(*text, '\0');
    if (std::ranges::find(entries, entry) != entries.end()) found.push_back(pid);
  }
  return found;
}

}  // namespace galley::process
