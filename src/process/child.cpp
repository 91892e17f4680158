#include "process/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <string_view>

#include "start_program.h"

namespace galley::process {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::size_t kReadBytes = 64 * 1024;

/// Children that were killed and do not die, since a system call of theirs does not return.
struct Abandoned {
  std::mutex mutex;  // guards pids
  std::vector<pid_t> pids;
};
Abandoned& abandoned() {
  static Abandoned list;
  return list;
}

/// The child's group, killed and reaped when this goes: no path leaves a process behind, but for
/// one that cannot be killed, which reap_abandoned() sees to.
class RunningChild {
 public:
  RunningChild(pid_t pid, Millis patience) : pid_(pid), patience_(patience) {}
  RunningChild(const RunningChild&) = delete;
  RunningChild& operator=(const RunningChild&) = delete;
  ~RunningChild() {
    if (!reaped_) kill_or_abandon();
  }
  void watch(UniqueFd pidfd) { pidfd_ = std::move(pidfd); }
  int pidfd() const { return pidfd_.get(); }

  /// The group keeps the pid's number reserved until the leader is reaped, so this hits ours only.
  int kill_and_reap() {
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return status;
  }

 private:
  void kill_or_abandon() {
    ::kill(-pid_, SIGKILL);
    pollfd dead{pidfd_.get(), POLLIN, 0};
    const auto deadline = Steady::now() + patience_;
    while (pidfd_ && (dead.revents & POLLIN) == 0) {
      const auto left = std::chrono::ceil<Millis>(deadline - Steady::now());
      if (left.count() <= 0) {
        const std::lock_guard lock(abandoned().mutex);
        abandoned().pids.push_back(pid_);
        return;
      }
      (void)::poll(&dead, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 3'600'000)));
    }
    kill_and_reap();
  }

  pid_t pid_;
  Millis patience_;
  UniqueFd pidfd_;
  bool reaped_ = false;
};

struct Streams {
  UniqueFd in;  // our end of the child's stdin; closed when all is written
  UniqueFd out;
  UniqueFd err;
};

void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

/// Reads what is there now; closes the descriptor at its end.
void read_available(UniqueFd& fd, std::string& into, std::int64_t room) {
  char buffer[kReadBytes];
  while (fd && static_cast<std::int64_t>(into.size()) <= room) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count > 0)
      into.append(buffer, static_cast<std::size_t>(count));
    else if (count == 0)
      fd.reset();
    else if (errno != EINTR) {
      if (errno != EAGAIN) fd.reset();
      return;
    }
  }
}

void read_output(UniqueFd& fd, std::string& into, const ChildOptions& options) {
  if (!options.on_output) return read_available(fd, into, options.max_output_bytes);
  std::string piece;
  read_available(fd, piece, static_cast<std::int64_t>(kReadBytes));
  if (piece.empty()) return;
  options.on_output(piece);
  into += piece;
  const auto most = static_cast<std::size_t>(options.max_output_bytes);
  if (into.size() > most) into.erase(0, into.size() - most);
}

void write_available(UniqueFd& fd, std::string_view& bytes) {
  while (fd && !bytes.empty()) {
    // A socket, not a pipe: only send() can be told not to raise SIGPIPE in our process.
    const ssize_t count = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      if (errno != EAGAIN) fd.reset();  // the child does not want the rest
      return;
    }
  }
  fd.reset();
}

std::string quoted(const std::vector<std::string>& argv) { return "'" + argv[0] + "'"; }

/// Feeds and reads the child until it has ended; its exit is seen through the pidfd, so a
/// grandchild that keeps the pipes open cannot hold us up.
Status exchange(Streams& streams, int pidfd, const std::vector<std::string>& argv,
                const ChildOptions& options, ChildOutput& output) {
  std::string_view unwritten = options.stdin_bytes;
  const auto deadline = Steady::now() + options.timeout;
  for (bool ended = false; !ended;) {
    const auto left = std::chrono::ceil<Millis>(deadline - Steady::now());
    if (left.count() <= 0)
      return Error{Errc::timeout, quoted(argv) + " timed out after " +
                                      std::to_string(options.timeout.count()) +
                                      " ms and was killed"};
    std::array<pollfd, 5> entries{{{pidfd, POLLIN, 0},
                                   {streams.out.get(), POLLIN, 0},
                                   {streams.err.get(), POLLIN, 0},
                                   {streams.in.get(), POLLOUT, 0},
                                   {options.cancel_fd, POLLIN, 0}}};
    const auto wait_ms = std::min<std::int64_t>(left.count(), 3'600'000);
    if (::poll(entries.data(), entries.size(), static_cast<int>(wait_ms)) < 0 && errno != EINTR)
      return system_error("cannot wait for " + quoted(argv), errno);
    if (entries[4].revents != 0)
      return Error{Errc::unavailable, quoted(argv) + " was cancelled and killed"};
    ended = (entries[0].revents & POLLIN) != 0;
    read_output(streams.out, output.stdout_bytes, options);
    read_output(streams.err, output.stderr_bytes, options);
    if (entries[3].revents != 0) write_available(streams.in, unwritten);
    const auto total = output.stdout_bytes.size() + output.stderr_bytes.size();
    if (!options.on_output && static_cast<std::int64_t>(total) > options.max_output_bytes)
      return Error{Errc::too_large, quoted(argv) + " printed more than " +
                                        std::to_string(options.max_output_bytes) +
                                        " bytes and was killed"};
  }
  return ok();
}

}  // namespace

std::size_t reap_abandoned() {
  const std::lock_guard lock(abandoned().mutex);
  std::erase_if(abandoned().pids, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
  return abandoned().pids.size();
}

Result<ChildOutput> run_child(const std::vector<std::string>& argv, const ChildOptions& options) {
  if (argv.empty()) return Error{Errc::invalid_argument, "cannot run an empty command"};
  GALLEY_TRY(Pipe out, make_pipe());
  GALLEY_TRY(Pipe err, make_pipe());
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return system_error("cannot run " + quoted(argv), errno);
  UniqueFd stdin_ours(pair[0]);
  UniqueFd stdin_theirs(pair[1]);

  GALLEY_TRY(const pid_t pid,
             spawn({.argv = argv,
                    .env = options.env ? *options.env : own_environment(),
                    .workdir = options.workdir,
                    .fds = {stdin_theirs.get(), out.write_end.get(), err.write_end.get()}}));
  RunningChild child(pid, options.kill_patience);
  stdin_theirs.reset();
  out.write_end.reset();
  err.write_end.reset();
  // A child's pid cannot be reused before we reap it, so it may be opened by number.
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  if (!pidfd) return system_error("cannot watch " + quoted(argv), errno);
  child.watch(std::move(pidfd));

  Streams streams{std::move(stdin_ours), std::move(out.read_end), std::move(err.read_end)};
  if (options.stdin_bytes.empty()) streams.in.reset();
  for (const UniqueFd* fd : {&streams.in, &streams.out, &streams.err})
    if (*fd) set_nonblocking(fd->get());

  ChildOutput output;
  GALLEY_TRY_STATUS(exchange(streams, child.pidfd(), argv, options, output));
  const int status = child.kill_and_reap();
  output.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  output.exit_code = WIFSIGNALED(status) ? 128 + output.signal : WEXITSTATUS(status);
  return output;
}

}  // namespace galley::process
