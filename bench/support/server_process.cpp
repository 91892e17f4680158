#include "server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "process/attempt.h"

extern char** environ;

namespace galley::support {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::string_view kBeforeUrl = "page ";
constexpr std::string_view kAfterUrl = "/?code=";
constexpr std::int64_t kTokenBytes = 4096;
constexpr std::string_view kServe = "serve";  // prints "galley serves NAME at URL/v1: …"
constexpr std::string_view kAgent = "agent";
constexpr std::string_view kAgentReady = " runs jobs as node ";

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

std::vector<std::string> make_environment(const std::vector<std::string>& ours) {
  std::vector<std::string> all = ours;
  // What a machine happens to have installed is no part of a test: one that needs it names it.
  const std::string engine = "GALLEY_CONTAINER_ENGINE=none";
  if (std::ranges::none_of(ours,
                           [&](const std::string& one) { return name_of(one) == name_of(engine); }))
    all.push_back(engine);
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (std::ranges::none_of(
            all, [&](const std::string& one) { return name_of(one) == name_of(*entry); }))
      all.emplace_back(*entry);
  return all;
}

/// Between fork and exec: nothing but system calls, since other threads may hold any lock.
[[noreturn]] void become(char** argv, char** environment, int out, int err, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it died before the line above
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execve(argv[0], argv, environment);
  ::_exit(127);
}

/// "  page      http://127.0.0.1:4000/?code=…" -> the part before /?code=.
std::string find_url(std::string_view printed) {
  const std::size_t end = printed.find(kAfterUrl);
  if (end == std::string_view::npos) return {};
  const std::size_t begin = printed.rfind(kBeforeUrl, end);
  if (begin == std::string_view::npos) return {};
  return std::string(
      trim(printed.substr(begin + kBeforeUrl.size(), end - begin - kBeforeUrl.size())));
}

/// "galley serves m at http://127.0.0.1:4000/v1: …" -> the part before /v1.
std::string find_served_url(std::string_view printed) {
  constexpr std::string_view kBefore = " at ";
  const std::size_t end = printed.find("/v1: ");
  if (end == std::string_view::npos) return {};
  const std::size_t begin = printed.rfind(kBefore, end);
  if (begin == std::string_view::npos) return {};
  return std::string(printed.substr(begin + kBefore.size(), end - begin - kBefore.size()));
}

int remaining_ms(Steady::time_point deadline) {
  const auto left = std::chrono::ceil<Millis>(deadline - Steady::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

}  // namespace

Result<ServerProcess> ServerProcess::begin(const ServerOptions& options) {
  if (::access(options.program.c_str(), X_OK) != 0)
    return system_error("cannot run " + options.program.string(), errno);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
  ServerProcess server;
  server.data_ = options.data;
  server.stdout_ = UniqueFd(pipe[0]);
  const UniqueFd child_out(pipe[1]);
  server.stderr_ = UniqueFd(::memfd_create("galley-up-stderr", MFD_CLOEXEC));
  if (!server.stderr_) return system_error("cannot make a file in memory", errno);

  server.role_ = options.role;
  std::vector<std::string> words = options.before;
  words.insert(words.end(),
               {options.program.string(), options.role, "--data", options.data.string()});
  if (options.role != kAgent) words.insert(words.end(), {"--listen", options.listen});
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> variables = make_environment(options.environment);
  const auto argv = pointers(words);
  const auto environment = pointers(variables);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0)
    become(const_cast<char**>(argv.data()), const_cast<char**>(environment.data()), child_out.get(),
           server.stderr_.get(), parent);
  if (pid < 0) return system_error("cannot start " + options.program.string(), errno);
  server.pid_ = pid;
  server.pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return server;
}

Result<ServerProcess> ServerProcess::start(const ServerOptions& options) {
  GALLEY_TRY(auto server, begin(options));
  GALLEY_TRY_STATUS(server.wait_ready());
  return server;
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      data_(std::move(other.data_)),
      role_(std::move(other.role_)),
      pidfd_(std::move(other.pidfd_)),
      stdout_(std::move(other.stdout_)),
      stderr_(std::move(other.stderr_)),
      printed_(std::move(other.printed_)),
      url_(std::move(other.url_)),
      token_(std::move(other.token_)) {}

ServerProcess& ServerProcess::operator=(ServerProcess&& other) noexcept {
  kill();
  pid_ = std::exchange(other.pid_, -1);
  data_ = std::move(other.data_);
  role_ = std::move(other.role_);
  pidfd_ = std::move(other.pidfd_);
  stdout_ = std::move(other.stdout_);
  stderr_ = std::move(other.stderr_);
  printed_ = std::move(other.printed_);
  url_ = std::move(other.url_);
  token_ = std::move(other.token_);
  return *this;
}

Status ServerProcess::wait_ready(Millis timeout) {
  const auto deadline = Steady::now() + timeout;
  while (url_.empty()) {
    pollfd wanted{stdout_.get(), POLLIN, 0};
    const int ready = ::poll(&wanted, 1, remaining_ms(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0)
      return Error{Errc::timeout, "galley " + role_ + " has not printed its address within " +
                                      std::to_string(timeout.count()) + " ms"};
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(stdout_.get(), buffer.data(), buffer.size());
    if (count <= 0) {
      GALLEY_TRY(const ServerEnd end, wait(timeout));
      return Error{Errc::unavailable, "galley " + role_ + " ended with code " +
                                          std::to_string(end.exit_code) + ": " + end.said};
    }
    printed_.append(buffer.data(), static_cast<std::size_t>(count));
    if (role_ == kAgent && printed_.find(kAgentReady) != std::string::npos) return ok();
    url_ = role_ == kServe ? find_served_url(printed_) : find_url(printed_);
  }
  if (role_ == kServe) return ok();
  GALLEY_TRY(const std::string token, read_file(data_ / "token", kTokenBytes));
  token_ = trim(token);
  return ok();
}

Result<ServerEnd> ServerProcess::wait(Millis timeout) {
  const auto deadline = Steady::now() + timeout;
  pollfd wanted{pidfd_.get(), POLLIN, 0};
  for (;;) {
    const int ready = ::poll(&wanted, 1, remaining_ms(deadline));
    if (ready > 0) break;
    if (ready == 0)
      return Error{Errc::timeout, "galley " + role_ + " (process " + std::to_string(pid_) +
                                      ") has not ended within " + std::to_string(timeout.count()) +
                                      " ms"};
  }
  return ServerEnd{reap(), stderr_text()};
}

Result<ServerEnd> ServerProcess::stop(Millis timeout) {
  if (pid_ > 0) ::kill(pid_, SIGTERM);
  return wait(timeout);
}

void ServerProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  reap();
}

int ServerProcess::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string ServerProcess::stderr_text() const {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count =
        ::pread(stderr_.get(), buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

void end_supervisors(const std::filesystem::path& data) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(data / "attempts", ignored)) {
    auto attempt = process::AttemptHandle::adopt(entry.path());
    if (!attempt || attempt->exit_fd() < 0) continue;
    process::send_signal(attempt->exit_fd(), SIGKILL).has_value();
    process::wait_readable(attempt->exit_fd(), Millis{5'000});
    attempt->kill_leftovers().has_value();  // nobody is left to hear that it failed
  }
}

std::filesystem::path program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

}  // namespace galley::support
