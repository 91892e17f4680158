// The half of the bridge that reads what supervisors write.
#include <sys/stat.h>

#include "agent/ending_report.h"
#include "base/file.h"
#include "base/log.h"
#include "bridge_impl.h"
#include "process/attempt_files.h"
#include "process/log_reader.h"

namespace galley::slurm {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kMostRecordBytes = 1024 * 1024;
// For folders on network disks, of which the kernel tells nothing.
constexpr Millis kLookInterval{1'000};

/// The supervisor writes its record just before it starts the command.
std::optional<WallTime> began_at(const fs::path& folder) {
  struct stat info {};
  if (::stat((folder / process::attempt_file::kPid).c_str(), &info) != 0) return std::nullopt;
  return from_ms(std::int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1'000'000);
}

std::optional<process::AttemptExit> read_exit(const fs::path& folder) {
  const auto text = read_file(folder / process::attempt_file::kExit, kMostRecordBytes);
  if (!text) return std::nullopt;
  auto exit = process::parse_exit(*text);
  if (exit) return *std::move(exit);
  log::warn("slurm", "an exit status cannot be read",
            {{"folder", folder.string()}, {"reason", describe(exit.error())}});
  return std::nullopt;
}

}  // namespace

void Bridge::Impl::serve_files() {
  auto look_all_at = std::chrono::steady_clock::now();
  for (;;) {
    std::set<AttemptId> news = watch.wait(kLookInterval);
    std::vector<std::pair<AttemptId, fs::path>> added;
    const auto now = std::chrono::steady_clock::now();
    {
      const std::lock_guard lock(mutex);
      if (stopping) return;
      for (const AttemptId& attempt : unseen)
        if (const auto found = tracked.find(attempt); found != tracked.end())
          added.emplace_back(attempt, found->second.folder);
      unseen.clear();
      if (now >= look_all_at) {
        look_all_at = now + kLookInterval;
        for (const auto& [attempt, one] : tracked)
          if (one.began || one.over_since ||
              (one.view && phase_of(one.view->state) == Phase::running))
            news.insert(attempt);
      }
    }
    for (const auto& [attempt, folder] : added) {
      // Before the look, so that nothing falls between the two.
      std::error_code exists;
      if (fs::exists(folder, exists)) watch.add(attempt, folder);
      news.insert(attempt);
    }
    for (const AttemptId& attempt : news) look_at(attempt);
  }
}

void Bridge::Impl::look_at(const AttemptId& attempt) {
  fs::path folder;
  bool began = false;
  std::function<void(WallTime)> runs;
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return;
    folder = found->second.folder;
    began = found->second.began;
    runs = found->second.listener.runs;
  }
  if (!began) {
    const auto since = began_at(folder);
    if (!since) return;
    {
      const std::lock_guard lock(mutex);
      if (const auto found = tracked.find(attempt); found != tracked.end())
        found->second.began = true;
    }
    runs(*since);
  }
  const auto exit = read_exit(folder);
  if (!exit) return;
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return;
    Tracked& one = found->second;
    const bool said = one.view && phase_of(one.view->state) == Phase::ended;
    if (needs_word_of_slurm(*exit, one.cancel_asked) && !said) {
      if (one.exit) return;  // Slurm is being asked
      one.exit = exit;
      one.over_since = std::chrono::steady_clock::now();
      poll_at = {};
      has_work = true;
      changed.notify_all();
      return;
    }
  }
  finish(attempt, exit);
}

std::optional<Tracked> Bridge::Impl::take(const AttemptId& attempt) {
  std::optional<Tracked> taken;
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return taken;
    taken = std::move(found->second);
    tracked.erase(found);
    unseen.erase(attempt);
  }
  watch.remove(attempt);
  return taken;
}

void Bridge::Impl::finish(const AttemptId& attempt,
                          const std::optional<process::AttemptExit>& exit) {
  const auto ended = take(attempt);
  if (!ended) return;
  const bool said = ended->view && phase_of(ended->view->state) == Phase::ended;
  auto report = end_of(attempt, exit, said ? ended->view : std::nullopt, ended->cancel_asked);
  if (!exit) report.log_bytes = process::LogReader(ended->folder).length().value_or(0);
  ended->listener.ended(std::move(report));
}

void Bridge::Impl::finish_as(const AttemptId& attempt, protocol::AttemptState state,
                             std::string reason) {
  if (const auto ended = take(attempt))
    ended->listener.ended(agent::report_end(attempt, state, std::move(reason)));
}

}  // namespace galley::slurm
