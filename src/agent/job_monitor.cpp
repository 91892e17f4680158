#include "job_monitor.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "agent/job_account.h"
#include "base/file.h"
#include "base/text.h"
#include "process/attempt_files.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSmallFileBytes = 64 * 1024;
constexpr std::int64_t kMostEnvironmentBytes = 4 * 1024 * 1024;
constexpr std::size_t kMostProcesses = 10'000;  // of one attempt

std::string proc_file(std::int64_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

std::int64_t number_of(std::string_view text) {
  std::int64_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<std::int64_t> children_of(std::int64_t pid) {
  std::vector<std::int64_t> children;
  std::error_code error;
  for (fs::directory_iterator task(proc_file(pid, "task"), error), end; !error && task != end;
       task.increment(error)) {
    const auto text = read_file(task->path() / "children", kSmallFileBytes);
    if (!text) continue;
    for (const auto word : split(*text, ' '))
      if (const auto child = number_of(trim(word)); child > 0) children.push_back(child);
  }
  return children;
}

void add_use(std::int64_t pid, protocol::JobSample& sample) {
  static const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  static const auto page_bytes = static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE));
  constexpr std::size_t kUserTicks = 11;  // counted from the state, which follows the name
  constexpr std::size_t kSystemTicks = 12;
  constexpr std::size_t kResidentPages = 21;
  const auto text = read_file(proc_file(pid, "stat"), kSmallFileBytes);
  if (!text) return;
  const auto name_end = text->rfind(')');
  if (name_end == std::string::npos) return;
  const auto fields = split(trim(std::string_view(*text).substr(name_end + 1)), ' ');
  if (fields.size() <= kResidentPages) return;
  sample.cpu_seconds +=
      static_cast<double>(number_of(fields[kUserTicks]) + number_of(fields[kSystemTicks])) / ticks;
  sample.rss_bytes += number_of(fields[kResidentPages]) * page_bytes;
  ++sample.processes;
}

/// False where no supervisor has begun in the folder.
bool look_at_member(const fs::path& folder, const AttemptId& attempt, JobUse& use) {
  std::error_code ignored;
  if (fs::exists(folder / process::attempt_file::kExit, ignored)) return true;
  const auto text = read_file(folder / process::attempt_file::kPid, kSmallFileBytes);
  if (!text) return false;
  const auto supervisor = process::parse_supervisor(*text);
  if (!supervisor || !process::is_alive(supervisor->identity)) return true;
  protocol::JobSample sample;
  sample.attempt = attempt;
  // The supervisor is ours, not the job's.
  std::vector<std::int64_t> pids = children_of(supervisor->identity.pid);
  for (std::size_t i = 0; i < pids.size() && pids.size() < kMostProcesses; ++i) {
    add_use(pids[i], sample);
    use.attempt_of_pid[pids[i]] = attempt;
    for (const std::int64_t child : children_of(pids[i])) pids.push_back(child);
  }
  use.jobs.push_back(std::move(sample));
  return true;
}

}  // namespace

JobUse look_at_jobs(const fs::path& attempts_folder) {
  JobUse use;
  std::error_code error;
  for (fs::directory_iterator entry(attempts_folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto attempt = AttemptId::parse(entry->path().filename().string());
    if (!attempt) continue;
    // A machine has one member of a gang.
    if (look_at_member(entry->path(), *attempt, use)) continue;
    std::error_code ignored;
    for (const auto& rank : fs::directory_iterator(entry->path() / process::kRanks, ignored))
      look_at_member(rank.path(), *attempt, use);
  }
  return use;
}

std::optional<AttemptId> attempt_of_process(std::int64_t pid, const fs::path& attempts_folder) {
  const auto text = read_file(proc_file(pid, "environ"), kMostEnvironmentBytes);
  if (!text) return std::nullopt;
  const std::string prefix =
      std::string(process::kAttemptVariable) + "=" + attempts_folder.string() + "/";
  for (const auto entry : split(*text, '\0')) {
    if (!entry.starts_with(prefix)) continue;
    const auto name = entry.substr(prefix.size());
    if (const auto attempt = AttemptId::parse(name.substr(0, name.find('/')))) return *attempt;
  }
  return std::nullopt;
}

std::string user_of_process(std::int64_t pid) {
  struct stat status {};
  if (::stat(proc_file(pid, "").c_str(), &status) != 0) return "";
  const auto account = find_account_of(status.st_uid);
  if (account && *account) return (*account)->name;
  return std::to_string(status.st_uid);
}

}  // namespace galley::agent
