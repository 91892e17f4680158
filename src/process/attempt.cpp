#include "process/attempt.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <thread>
#include <vector>

#include "process/child.h"
#include "process_tree.h"
#include "start_program.h"

namespace galley::process {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

constexpr std::int64_t kMostRecordBytes = 1024 * 1024;
// From exec to a written `pid` file it takes a millisecond; a machine that swaps may need longer.
constexpr Millis kStartTimeout{10'000};
constexpr Millis kAppearTimeout{5'000};
constexpr Millis kKillTimeout{10'000};
constexpr Millis kAfterTimeout{30'000};

/// Supervisors that this process started are its children and must be reaped, also when their
/// handle is gone; whoever launches or asks next does it.
class Children {
 public:
  void add(pid_t pid) {
    const std::lock_guard lock(mutex_);
    pids_.push_back(pid);
  }
  void reap() {
    const std::lock_guard lock(mutex_);
    std::erase_if(pids_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
  }

 private:
  std::mutex mutex_;  // guards pids_
  std::vector<pid_t> pids_;
};

Children& children() {
  static Children instance;
  return instance;
}

Result<UniqueFd> open_lock(const fs::path& folder) {
  const auto path = folder / attempt_file::kLock;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd) return system_error("cannot open " + path.string(), errno);
  return fd;
}

bool try_lock(const UniqueFd& lock) { return ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0; }

/// What the supervisor says while it starts: "+" or a sentence.
Result<std::string> read_greeting(int fd) {
  const auto deadline = Steady::now() + kStartTimeout;
  std::string text;
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - Steady::now());
    if (!wait_readable(fd, std::max(left, Millis{0})))
      return Error{Errc::unavailable, "the supervisor did not begin within " +
                                          std::to_string(kStartTimeout.count()) + " ms"};
    char buffer[1024];
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text == "+") return text;
  }
}

Status start_supervisor(const fs::path& folder, const fs::path& program, const UniqueFd& lock,
                        const std::vector<std::string>& secret_env) {
  GALLEY_TRY(Pipe ready, make_pipe());
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const auto log_path = folder / attempt_file::kSupervisorLog;
  const UniqueFd log(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!null || !log) return system_error("cannot open " + log_path.string(), errno);
  constexpr const char* kLockFd = "3";
  constexpr const char* kReadyFd = "4";
  auto env = own_environment();
  // The last of a name is what the supervisor passes on.
  env.insert(env.end(), secret_env.begin(), secret_env.end());
  GALLEY_TRY(const pid_t pid,
             spawn({.argv = {program.string(), folder.string(), kLockFd, kReadyFd},
                    .env = std::move(env),
                    .workdir = "/",
                    .fds = {null.get(), null.get(), log.get(), lock.get(), ready.write_end.get()},
                    .new_session = true}));
  children().add(pid);
  ready.write_end.reset();
  auto greeting = read_greeting(ready.read_end.get());
  if (greeting && *greeting == "+") return ok();
  // Our child and not reaped, so the number is its own. It must not begin after we reported that
  // it did not.
  ::kill(pid, SIGKILL);
  children().reap();
  if (!greeting) return std::move(greeting).error();
  return Error{Errc::unavailable,
               "the supervisor of " + folder.string() + " did not begin" +
                   (greeting->empty() ? "; see " + log_path.string() : ": " + *greeting)};
}

bool is_there(const fs::path& path) { return ::access(path.c_str(), F_OK) == 0; }

/// Waits until `pid` or exit.json is there or nobody holds the lock any more.
void wait_for_supervisor(const fs::path& folder) {
  const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  // The lock's last holder closing it is an event of the folder, too.
  ::inotify_add_watch(watch.get(), folder.c_str(), IN_MOVED_TO | IN_CLOSE);
  const auto deadline = Steady::now() + kAppearTimeout;
  while (!is_there(folder / attempt_file::kPid) && !is_there(folder / attempt_file::kExit)) {
    {
      const auto lock = open_lock(folder);
      if (!lock || try_lock(*lock)) return;
    }
    // Our own look at the lock has made an event, hence the drain before the wait.
    char events[4096];
    while (::read(watch.get(), events, sizeof events) > 0) {
    }
    const auto left = std::chrono::ceil<Millis>(deadline - Steady::now());
    if (left.count() <= 0) return;
    wait_readable(watch.get(), std::min(left, Millis{20}));
  }
}

}  // namespace

Result<AttemptHandle> AttemptHandle::launch(const fs::path& folder, const AttemptSpec& spec,
                                            const fs::path& supervisor_program,
                                            const std::vector<std::string>& secret_env) {
  children().reap();
  GALLEY_TRY_STATUS(check_spec(spec));
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error);
  GALLEY_TRY_STATUS(make_folders(absolute));
  GALLEY_TRY(const UniqueFd lock, open_lock(absolute));
  if (!try_lock(lock) || is_there(absolute / attempt_file::kPid) ||
      is_there(absolute / attempt_file::kExit))
    return Error{Errc::conflict, absolute.string() + " already holds an attempt"};
  AttemptSpec written = spec;
  for (const std::string& variable : secret_env)
    written.inherited_env.push_back(variable.substr(0, variable.find('=')));
  GALLEY_TRY_STATUS(write_file_atomic(absolute / attempt_file::kSpec, print_spec(written),
                                      Durability::memory, 0600));
  GALLEY_TRY_STATUS(start_supervisor(absolute, supervisor_program, lock, secret_env));
  return adopt(absolute);
}

Result<AttemptHandle> AttemptHandle::adopt(const fs::path& folder) {
  std::error_code error;
  AttemptHandle handle(fs::absolute(folder, error));
  if (!is_there(handle.folder_ / attempt_file::kSpec))
    return Error{Errc::not_found, "there is no attempt in " + handle.folder_.string()};
  if (!is_there(handle.folder_ / attempt_file::kPid) &&
      !is_there(handle.folder_ / attempt_file::kExit))
    wait_for_supervisor(handle.folder_);
  // Killed after spec.json and before the supervisor: nothing ran, and the folder can be launched.
  if (!is_there(handle.folder_ / attempt_file::kPid) &&
      !is_there(handle.folder_ / attempt_file::kExit))
    return Error{Errc::not_found, "no supervisor ever began in " + handle.folder_.string()};
  GALLEY_TRY_STATUS(handle.find_supervisor());
  return handle;
}

/// Reads `pid` and opens the process it names, if it still runs.
Status AttemptHandle::find_supervisor() {
  const auto path = folder_ / attempt_file::kPid;
  const auto text = read_file(path, kMostRecordBytes);
  if (!text) return text.error().code == Errc::not_found ? ok() : Status(text.error());
  auto record = parse_supervisor(*text);
  if (!record)
    return Error{Errc::corrupt, path.string() + " cannot be read: " + describe(record.error())};
  record_ = *std::move(record);
  auto pidfd = open_pidfd(record_.identity);
  if (!pidfd && pidfd.error().code != Errc::not_found) return std::move(pidfd).error();
  if (pidfd) pidfd_ = *std::move(pidfd);
  return ok();
}

Result<std::optional<AttemptExit>> AttemptHandle::read_exit() const {
  const auto path = folder_ / attempt_file::kExit;
  const auto text = read_file(path, kMostRecordBytes);
  if (!text && text.error().code == Errc::not_found) return std::optional<AttemptExit>{};
  if (!text) return text.error();
  auto exit = parse_exit(*text);
  if (!exit)
    return Error{Errc::corrupt, path.string() + " cannot be read: " + describe(exit.error())};
  return std::optional(*std::move(exit));
}

Result<AttemptStatus> AttemptHandle::status() {
  const bool gone = !pidfd_ || wait_readable(pidfd_.get(), Millis{0});
  if (gone) children().reap();
  // Read after looking at the process: a supervisor that is gone has written all it ever will.
  GALLEY_TRY(auto exit, read_exit());
  if (exit) return AttemptStatus{AttemptState::finished, std::move(exit)};
  return AttemptStatus{gone ? AttemptState::died : AttemptState::running, std::nullopt};
}

Status AttemptHandle::cancel() {
  if (!pidfd_) return ok();
  auto status = send_signal(pidfd_.get(), SIGTERM);
  if (!status && status.error().code == Errc::not_found) return ok();
  return status;
}

Result<AttemptStatus> AttemptHandle::wait(Millis timeout) {
  if (pidfd_ && !wait_readable(pidfd_.get(), timeout))
    return Error{Errc::timeout, "the attempt in " + folder_.string() + " did not end within " +
                                    std::to_string(timeout.count()) + " ms"};
  return status();
}

/// What the supervisor would have run at the end.
Status AttemptHandle::run_after() const {
  constexpr std::int64_t kMostSpecBytes = 16 * 1024 * 1024;
  GALLEY_TRY(const auto text, read_file(folder_ / attempt_file::kSpec, kMostSpecBytes));
  GALLEY_TRY(const auto spec, parse_spec(text));
  if (spec.after.empty()) return ok();
  const auto done = run_child(spec.after, {.timeout = kAfterTimeout, .env = spec.env});
  // A command that failed has said that nothing was left, or will never do better.
  if (!done && done.error().code == Errc::timeout) return done.error();
  return ok();
}

Status AttemptHandle::kill_leftovers() {
  if (pidfd_ && !wait_readable(pidfd_.get(), Millis{0}))
    return Error{Errc::conflict, "the attempt in " + folder_.string() + " is still supervised"};
  const Cgroup cgroup = Cgroup::reopen(record_.cgroup_folders);
  const auto deadline = Steady::now() + kKillTimeout;
  const std::string variable = std::string(kAttemptVariable) + "=" + folder_.string();
  GALLEY_TRY_STATUS(cgroup.kill_all(kKillTimeout));
  for (auto pids = processes_with_environment(variable); !pids.empty();
       pids = processes_with_environment(variable)) {
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    if (Steady::now() >= deadline)
      return Error{Errc::timeout, std::to_string(pids.size()) + " processes of the attempt in " +
                                      folder_.string() + " do not die"};
    // They are not our children: nothing tells us when they are gone.
    std::this_thread::sleep_for(Millis{1});
  }
  GALLEY_TRY_STATUS(run_after());
  return cgroup.remove();
}

}  // namespace galley::process
