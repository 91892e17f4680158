#include "process/identity.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/text.h"

namespace galley::process {
namespace {

constexpr std::int64_t kIdentityFileBytes = 64 * 1024;

template <class Number>
bool parse_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<ProcStat> read_proc_stat(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", kIdentityFileBytes);
  return text ? parse_proc_stat(*text) : std::nullopt;
}

Result<std::string> boot_id() {
  GALLEY_TRY(const std::string text,
             read_file("/proc/sys/kernel/random/boot_id", kIdentityFileBytes));
  return std::string(trim(text));
}

std::optional<ProcStat> parse_proc_stat(std::string_view line) {
  const auto name_end = line.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= line.size()) return std::nullopt;
  // What follows the name starts with field 3 (state).
  const auto fields = split(trim(line.substr(name_end + 2)), ' ');
  constexpr std::size_t kParent = 4 - 3;
  constexpr std::size_t kStart = 22 - 3;
  constexpr std::size_t kMemory = 23 - 3;
  constexpr std::size_t kCodeStart = 26 - 3;  // set last when a program starts
  constexpr std::size_t kEnvironmentStart = 50 - 3;
  constexpr std::size_t kEnvironmentEnd = 51 - 3;
  ProcStat stat;
  if (fields.size() <= kStart || fields[0].size() != 1 ||
      !parse_number(fields[kParent], stat.parent) ||
      !parse_number(fields[kStart], stat.start_ticks))
    return std::nullopt;
  stat.state = fields[0][0];
  if (fields.size() > kMemory) parse_number(fields[kMemory], stat.memory_bytes);
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  if (fields.size() > kEnvironmentEnd && fields[kCodeStart] != "0" &&
      parse_number(fields[kEnvironmentStart], start) &&
      parse_number(fields[kEnvironmentEnd], end) && start > 0 && end >= start)
    stat.environment_bytes = end - start;
  return stat;
}

Result<ProcessIdentity> identify(pid_t pid) {
  GALLEY_TRY(std::string boot, boot_id());
  const auto stat = read_proc_stat(pid);
  if (!stat) return Error{Errc::not_found, "there is no process " + std::to_string(pid)};
  return ProcessIdentity{pid, stat->start_ticks, std::move(boot)};
}

bool is_alive(const ProcessIdentity& identity) {
  if (identity.pid <= 0) return false;
  const auto boot = boot_id();
  if (!boot || *boot != identity.boot_id) return false;
  const auto stat = read_proc_stat(identity.pid);
  return stat && stat->start_ticks == identity.start_ticks && stat->state != 'Z' &&
         stat->state != 'X';
}

Result<UniqueFd> open_pidfd(const ProcessIdentity& identity) {
  const auto gone = [&] {
    return Error{Errc::not_found, "process " + std::to_string(identity.pid) + " is gone"};
  };
  if (identity.pid <= 0) return gone();
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, identity.pid, 0U)));
  if (!fd && errno == ESRCH) return gone();
  if (!fd) return system_error("cannot watch process " + std::to_string(identity.pid), errno);
  // Checked after opening: from here on the descriptor cannot come to mean another process.
  if (!is_alive(identity)) return gone();
  return fd;
}

Status send_signal(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0U) == 0) return ok();
  return system_error("cannot signal the process", errno);
}

bool wait_readable(int fd, Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
    pollfd entry{fd, POLLIN, 0};
    const int left_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000'000));
    const int ready = ::poll(&entry, 1, left_ms);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace galley::process
