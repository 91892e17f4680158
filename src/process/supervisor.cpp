#include "process/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "base/file.h"
#include "command.h"
#include "ending.h"
#include "exit_file.h"
#include "process/child.h"
#include "process/log_sink.h"
#include "process/progress_filter.h"
#include "process_tree.h"

namespace galley::process {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

constexpr std::int64_t kMostSpecBytes = 16 * 1024 * 1024;
// One read takes what a full pipe holds; much more would not stay in the core's cache between the
// pipe and the file.
constexpr std::size_t kCopyBytes = kOutputPipeBytes;
// A killed process dies at once, unless it hangs in the kernel (a dead network disk); then its
// status matters more than its end.
constexpr Millis kSupervisorKillTimeout{10'000};
constexpr std::chrono::microseconds kLongestWaitPause{20'000};
// A container engine kills and removes within a second or two.
constexpr Millis kHookTimeout{30'000};
// How long a status that cannot be written (full disk) is tried for, and how often at least.
constexpr Millis kWriteFor{600'000};
constexpr Millis kWriteEvery{1'000};

// The clock of base would load its text formatting library: 1 ms per start.
WallTime wall_now() {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

/// Everything one attempt needs once its folder is found to be in order.
class Supervisor {
 public:
  Supervisor(fs::path folder, AttemptSpec spec, LogSink log, ProgressFile progress, ExitFile exit)
      : folder_(std::move(folder)),
        spec_(std::move(spec)),
        log_(std::move(log)),
        progress_(std::move(progress)),
        exit_file_(std::move(exit)),
        buffer_(std::make_unique_for_overwrite<char[]>(kCopyBytes)) {}

  Status prepare();
  Status run();

 private:
  using Deadline = std::optional<Steady::time_point>;

  void supervise(StartedCommand command);
  void wait_for_events();
  void on_signals();
  void on_deadlines();
  void end_command(ExitReason reason);
  void reap();
  bool copy_output();
  void take_output(std::string_view bytes);
  void kill_tree();
  void drain_output();
  void run_after();
  void fill_result();
  void fail_start(const StartFailure& failure);
  Status commit();

  fs::path folder_;
  AttemptSpec spec_;
  LogSink log_;
  ProgressFile progress_;
  ProgressFilter filter_;
  ExitFile exit_file_;
  std::unique_ptr<char[]> buffer_;
  std::string lines_;
  UniqueFd signals_;
  UniqueFd output_;
  std::optional<Cgroup> cgroup_;
  AttemptExit result_;
  pid_t command_pid_ = 0;
  std::optional<int> wait_status_;  // of the command, once it has ended
  std::optional<ExitReason> ended_by_us_;
  Deadline term_at_;  // max_runtime
  Deadline kill_at_;  // grace
  bool tree_killed_ = false;
  std::string after_fault_;
  rusage usage_{};  // summed over all reaped processes; maxrss is the largest
};

/// Signals, cgroup and the `pid` file: all that must be in place before the command runs.
Status Supervisor::prepare() {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGTERM);
  sigaddset(&watched, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  for (const int ignored : {SIGPIPE, SIGHUP, SIGINT, SIGQUIT}) ::signal(ignored, SIG_IGN);
  signals_ = UniqueFd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return system_error("signalfd", errno);
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return system_error("become a subreaper", errno);

  SupervisorRecord record;
  GALLEY_TRY(record.identity, identify(::getpid()));
  if (!spec_.cgroup_name.empty()) {
    GALLEY_TRY(cgroup_, Cgroup::create(CgroupLayout::detect(), spec_.cgroup_name, spec_.limits,
                                       spec_.denied_devices));
    record.cgroup_folders = cgroup_->folders();
    record.enforcement = cgroup_->enforcement();
  } else {
    if (spec_.limits.cpus > 0) record.enforcement.cpus = LimitBy::nothing;
    if (spec_.limits.memory_bytes > 0) record.enforcement.memory = LimitBy::nothing;
    if (spec_.limits.processes > 0) record.enforcement.processes = LimitBy::nothing;
    if (!spec_.denied_devices.empty()) record.enforcement.devices = LimitBy::nothing;
  }
  // One process at a time is held to it then; better than none.
  if (record.enforcement.memory == LimitBy::nothing) record.enforcement.memory = LimitBy::rlimit;
  result_.enforcement = record.enforcement;
  auto written =
      write_file_atomic(folder_ / attempt_file::kPid, print_supervisor(record), Durability::memory);
  if (!written && cgroup_) (void)cgroup_->remove().has_value();
  return written;
}

Status Supervisor::run() {
  result_.started = wall_now();
  if (spec_.max_runtime.count() > 0) term_at_ = Steady::now() + spec_.max_runtime;
  auto started = start_command(spec_, folder_.string(), cgroup_ ? &*cgroup_ : nullptr,
                               result_.enforcement.memory == LimitBy::rlimit);
  if (auto* failure = std::get_if<StartFailure>(&started))
    fail_start(*failure);
  else
    supervise(std::get<StartedCommand>(std::move(started)));
  return commit();
}

void Supervisor::fail_start(const StartFailure& failure) {
  result_.reason = ExitReason::start_failed;
  result_.exit_code = failure.exit_code;
  result_.message = failure.message;
  log_.write("[galley: " + failure.message + "]\n");
}

void Supervisor::supervise(StartedCommand command) {
  command_pid_ = command.pid;
  output_ = std::move(command.output);
  if (!command.bind_note.empty())
    take_output("[galley: data sets are links, not read-only mounts: " + command.bind_note + "]\n");
  while (!wait_status_ && !tree_killed_) wait_for_events();
  if (!tree_killed_) kill_tree();
  drain_output();
  run_after();
  lines_.clear();
  filter_.finish(lines_);
  progress_.append(lines_);
  fill_result();
}

void Supervisor::wait_for_events() {
  std::array<pollfd, 2> entries{{{signals_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}}};
  int timeout_ms = -1;
  for (const Deadline& deadline : {term_at_, kill_at_}) {
    if (!deadline) continue;
    const auto left = std::chrono::ceil<Millis>(*deadline - Steady::now()).count();
    const int left_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
    timeout_ms = timeout_ms < 0 ? left_ms : std::min(timeout_ms, left_ms);
  }
  if (::poll(entries.data(), entries.size(), timeout_ms) < 0) return;  // EINTR
  // Signals first, and one piece of output per turn: a command that prints without pause must not
  // outrun its own cancellation.
  if (entries[0].revents != 0) on_signals();
  on_deadlines();
  if (entries[1].revents != 0) copy_output();
}

void Supervisor::on_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    if (info.ssi_signo == SIGTERM) end_command(ExitReason::cancelled);
  reap();
}

void Supervisor::on_deadlines() {
  const auto now = Steady::now();
  if (term_at_ && now >= *term_at_) {
    term_at_.reset();
    end_command(ExitReason::timeout);
  }
  if (kill_at_ && now >= *kill_at_ && !wait_status_) {
    kill_at_.reset();
    kill_tree();
  }
}

/// Asks the command's group to end; the first reason stays the reason.
void Supervisor::end_command(ExitReason reason) {
  if (ended_by_us_ || wait_status_) return;
  ended_by_us_ = reason;
  term_at_.reset();
  // Until we reap the leader, the group's number cannot mean another group.
  ::kill(-command_pid_, SIGTERM);
  kill_at_ = Steady::now() + spec_.grace;
}

/// Collects every ended process of the tree: as subreaper we are the last parent of them all.
void Supervisor::reap() {
  int status = 0;
  rusage used{};
  for (pid_t pid = 0; (pid = ::wait4(-1, &status, WNOHANG, &used)) > 0;) {
    if (pid == command_pid_) wait_status_ = status;
    usage_.ru_maxrss = std::max(usage_.ru_maxrss, used.ru_maxrss);
    timeradd(&usage_.ru_utime, &used.ru_utime, &usage_.ru_utime);
    timeradd(&usage_.ru_stime, &used.ru_stime, &usage_.ru_stime);
  }
}

/// One read's worth of output. False when there is none now.
bool Supervisor::copy_output() {
  const ssize_t count = ::read(output_.get(), buffer_.get(), kCopyBytes);
  if (count > 0) {
    take_output({buffer_.get(), static_cast<std::size_t>(count)});
    return true;
  }
  if (count < 0 && errno == EINTR) return true;
  // Nobody holds the other end any more; poll ignores a descriptor of -1.
  if (count == 0 || errno != EAGAIN) output_.reset();
  return false;
}

void Supervisor::take_output(std::string_view bytes) {
  log_.write(bytes);
  lines_.clear();
  filter_.feed(bytes, lines_);
  progress_.append(lines_);
}

/// Kills the command and all its descendants, wherever they have moved, and reaps them.
void Supervisor::kill_tree() {
  const auto deadline = Steady::now() + kSupervisorKillTimeout;
  for (auto pause = std::chrono::microseconds{100}; Steady::now() < deadline;
       pause = std::min(pause * 2, kLongestWaitPause)) {
    reap();
    siginfo_t info{};
    const bool childless = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0;
    if (childless) break;
    if (!wait_status_) ::kill(-command_pid_, SIGKILL);
    if (cgroup_) (void)cgroup_->kill_all(Millis{0}).has_value();
    for (const pid_t pid : descendants_of(::getpid())) ::kill(pid, SIGKILL);
    // Each death moves its orphans to us and wakes this up, so the loop ends when the tree does.
    pollfd entry{signals_.get(), POLLIN, 0};
    ::poll(&entry, 1, static_cast<int>(std::chrono::ceil<Millis>(pause).count()));
    signalfd_siginfo ignored{};
    while (::read(signals_.get(), &ignored, sizeof ignored) > 0) {
    }
    copy_output();  // a process that writes into a full pipe is not killed faster, but read sooner
  }
  tree_killed_ = true;
}

/// What was printed before the end is still in the pipe. A process outside our tree that was handed
/// the pipe could keep it open; what it prints later is not the command's output.
void Supervisor::drain_output() {
  while (output_ && copy_output()) {
  }
}

/// Nobody else is left to wait for, so the child may be reaped here.
void Supervisor::run_after() {
  if (spec_.after.empty()) return;
  const auto done = run_child(spec_.after, {.timeout = kHookTimeout, .env = spec_.env});
  if (done && done->succeeded()) return;
  after_fault_ = done ? done->stderr_bytes : done.error().message;
  std::fprintf(stderr, "galley-job: after the command: %s\n", after_fault_.c_str());
  // What it says of a failure may be no more than that nothing was left to remove.
  if (done) after_fault_.clear();
}

void Supervisor::fill_result() {
  result_.max_rss_bytes = static_cast<std::int64_t>(usage_.ru_maxrss) * 1024;
  result_.cpu_ms = (usage_.ru_utime.tv_sec + usage_.ru_stime.tv_sec) * 1000 +
                   (usage_.ru_utime.tv_usec + usage_.ru_stime.tv_usec) / 1000;
  explain_ending({.wait_status = wait_status_,
                  .ended_by_us = ended_by_us_,
                  .oom_kills = cgroup_ ? cgroup_->oom_kills() : 0},
                 spec_, result_);
  if (after_fault_.empty()) return;
  result_.message += (result_.message.empty() ? "" : "; ") + after_fault_;
}

/// Writes exit.json, waiting for room on the disk if it must, and gives the cgroup back.
Status Supervisor::commit() {
  log_.finish();
  result_.log_bytes = log_.total_bytes();
  result_.log_lost_bytes = log_.lost_bytes();
  result_.progress_lost_bytes = progress_.lost_bytes();
  if (result_.log_lost_bytes > 0) {
    if (!result_.message.empty()) result_.message += "; ";
    result_.message += std::to_string(result_.log_lost_bytes) +
                       " bytes of output were lost because they could not be written";
  }
  result_.finished = wall_now();
  const auto deadline = Steady::now() + kWriteFor;
  for (Millis pause{10};; pause = std::min(pause * 2, kWriteEvery)) {
    auto status = exit_file_.commit(result_);
    if (status || Steady::now() >= deadline) {
      if (cgroup_) (void)cgroup_->remove().has_value();
      return status;
    }
    std::this_thread::sleep_for(pause);
  }
}

/// The lock says that this attempt has its one supervisor, even before it has written `pid`.
Result<UniqueFd> take_lock(const SupervisorOptions& options) {
  if (options.lock_fd >= 0) return UniqueFd(options.lock_fd);
  const auto path = options.folder / attempt_file::kLock;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return system_error("cannot lock " + path.string(), errno);
  return fd;
}

Result<Supervisor> make_supervisor(const fs::path& folder) {
  if (fs::exists(folder / attempt_file::kExit))
    return Error{Errc::conflict, folder.string() + " holds an attempt that has ended"};
  GALLEY_TRY(const std::string text, read_file(folder / attempt_file::kSpec, kMostSpecBytes));
  GALLEY_TRY(AttemptSpec spec, parse_spec(text));
  GALLEY_TRY(ExitFile exit, ExitFile::reserve(folder));
  GALLEY_TRY(LogSink log, LogSink::open(folder, spec.log_limit_bytes));
  GALLEY_TRY(ProgressFile progress, ProgressFile::open(folder / attempt_file::kProgress));
  if (spec.account) GALLEY_TRY_STATUS(progress.give_to(spec.account->uid, spec.account->gid));
  return Supervisor(folder, std::move(spec), std::move(log), std::move(progress), std::move(exit));
}

Status supervise_attempt(const SupervisorOptions& options, UniqueFd& ready) {
  GALLEY_TRY_STATUS(open_standard_streams());  // pipes must not land on the command's stdio
  GALLEY_TRY(const UniqueFd lock, take_lock(options));
  ::fcntl(lock.get(), F_SETFD, FD_CLOEXEC);
  std::error_code error;
  const fs::path folder = fs::absolute(options.folder, error);
  GALLEY_TRY(Supervisor supervisor, make_supervisor(folder));
  GALLEY_TRY_STATUS(supervisor.prepare());
  // Whoever started us may be dead by now; `pid` is there for its successor, so we go on.
  if (ready) (void)write_all(ready.get(), "+").has_value();
  ready.reset();
  return supervisor.run();
}

}  // namespace

int run_supervisor(const SupervisorOptions& options) {
  UniqueFd ready(options.ready_fd);
  if (ready) ::fcntl(ready.get(), F_SETFD, FD_CLOEXEC);
  const auto status = supervise_attempt(options, ready);
  if (status) return 0;
  const std::string sentence = describe(status.error());
  std::fprintf(stderr, "galley-job: %s\n", sentence.c_str());
  if (ready) (void)write_all(ready.get(), sentence).has_value();
  return 1;
}

}  // namespace galley::process
