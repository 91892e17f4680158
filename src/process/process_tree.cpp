#include "process_tree.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "folder_handle.h"
#include "process/identity.h"

namespace galley::process {
namespace {

using Steady = std::chrono::steady_clock;

// An environment is at most a few MiB (the kernel's limit on exec arguments).
constexpr std::int64_t kEnvironmentBytes = 8 * 1024 * 1024;

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

std::string environment_file(pid_t pid) { return "/proc/" + std::to_string(pid) + "/environ"; }

/// Whether the process, as it is now, has an environment of that size, or can have none any more.
bool is_whole_environment(std::string_view text, pid_t pid) {
  const auto stat = read_proc_stat(pid);
  return !stat || stat->memory_bytes == 0 || stat->environment_bytes == text.size();
}

/// A process that is becoming another program (exec) shows no environment, or a piece of the old
/// one, until it has that of the new program: it is looked at again until what it shows is whole.
bool has_environment(pid_t pid, std::string_view entry) {
  constexpr Millis kLongestExec{1'000};
  const auto deadline = Steady::now() + kLongestExec;
  while (true) {
    const auto text = read_file(environment_file(pid), kEnvironmentBytes);
    if (!text) return false;  // it ended, or it is not ours to see
    const auto entries = split(*text, '\0');
    if (std::ranges::find(entries, entry) != entries.end()) return true;
    if (is_whole_environment(*text, pid) || Steady::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::microseconds{50});
  }
}

}  // namespace

std::vector<pid_t> descendants_of(pid_t ancestor) {
  std::unordered_map<pid_t, std::vector<pid_t>> children;
  for (const pid_t pid : all_processes()) {
    if (const auto stat = read_proc_stat(pid)) children[stat->parent].push_back(pid);
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
    if (pid != ::getpid() && has_environment(pid, entry)) found.push_back(pid);
  }
  return found;
}

}  // namespace galley::process
