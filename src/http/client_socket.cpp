#include "client_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

namespace galley::http {
namespace {

/// What is waited with: the socket, and the descriptor that ends the waiting.
struct Waited {
  int fd;
  int interrupt_fd;
};

/// The events that came, or timeout.
Result<short> wait_for(Waited waited, short events, Instant deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Error{Errc::timeout, "the server did not answer in time"};
    // A negative descriptor is passed over by poll.
    std::array<pollfd, 2> entries{{{waited.fd, events, 0}, {waited.interrupt_fd, POLLIN, 0}}};
    const auto wait_ms = std::min<std::int64_t>(left.count(), std::numeric_limits<int>::max());
    const int ready = poll(entries.data(), entries.size(), static_cast<int>(wait_ms));
    if (ready > 0 && entries[1].revents != 0)
      return Error{Errc::unavailable, "the call was interrupted"};
    if (ready > 0) return entries[0].revents;
    if (ready < 0 && errno != EINTR) return system_error("cannot wait for the server", errno);
  }
}

Error broken(std::string_view doing, int errno_value) {
  return {Errc::unavailable, "the connection broke while " + std::string(doing) + ": " +
                                 std::string(std::strerror(errno_value))};
}

class PlainLink final : public ClientLink {
 public:
  PlainLink(UniqueFd fd, int interrupt_fd, bool under_tls)
      : fd_(std::move(fd)), interrupt_fd_(interrupt_fd), under_tls_(under_tls) {}

  Result<std::size_t> read(std::span<char> bytes, Instant deadline) override {
    for (;;) {
      const auto got = recv(fd_.get(), bytes.data(), bytes.size(), 0);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return broken("an answer was read", errno);
      GALLEY_TRY([[maybe_unused]] const auto ready,
                 wait_for({fd_.get(), interrupt_fd_}, POLLIN, deadline));
    }
  }

  Result<bool> write(std::string_view bytes, Instant deadline) override {
    while (!bytes.empty()) {
      const auto sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        continue;
      }
      if (errno == EINTR) continue;
      // A server that refuses a long body answers and hangs up; that answer says why.
      if (errno == EPIPE || errno == ECONNRESET) return false;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return broken("a request was sent", errno);
      // Under TLS what can be read may be no answer but a ticket, so the layer above looks itself.
      const auto events = static_cast<short>(under_tls_ ? POLLOUT : POLLIN | POLLOUT);
      GALLEY_TRY(const auto ready, wait_for({fd_.get(), interrupt_fd_}, events, deadline));
      if ((ready & POLLIN) != 0) return false;
    }
    return true;
  }

  bool quiet() const override {
    char byte = 0;
    return recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
  }

 private:
  UniqueFd fd_;
  const int interrupt_fd_;
  const bool under_tls_;
};

Error cannot_connect(const ServerAddress& address, int errno_value) {
  const std::string what = "cannot reach " + address.text + ": ";
  if (errno_value == EACCES || errno_value == EPERM)
    return {Errc::forbidden, what + std::strerror(errno_value)};
  const bool nobody = errno_value == ECONNREFUSED || errno_value == ENOENT;
  return {Errc::unavailable,
          what + (nobody ? "nobody listens there" : std::strerror(errno_value)),
          {},
          {},
          nobody ? "is the server running?" : ""};
}

Result<UniqueFd> connect_to(const sockaddr* socket_address, socklen_t length,
                            const ServerAddress& address, int interrupt_fd, Instant deadline) {
  UniqueFd fd(socket(socket_address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_error("cannot open a socket", errno);
  if (connect(fd.get(), socket_address, length) == 0) return fd;
  // A local socket whose backlog is full says EAGAIN, which is "busy", not "in progress".
  if (errno != EINPROGRESS) return cannot_connect(address, errno);
  const auto ready = wait_for({fd.get(), interrupt_fd}, POLLOUT, deadline);
  if (!ready && ready.error().code == Errc::unavailable) return ready.error();
  if (!ready) return Error{Errc::timeout, "cannot reach " + address.text + ": no answer in time"};
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return cannot_connect(address, error);
  return fd;
}

Result<UniqueFd> connect_local(const ServerAddress& address, int interrupt_fd, Instant deadline) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  if (address.path.size() >= sizeof local.sun_path)
    return Error{Errc::invalid_argument, "cannot reach " + address.text + ": the path has " +
                                             std::to_string(address.path.size()) +
                                             " bytes and a socket's may have " +
                                             std::to_string(sizeof local.sun_path - 1)};
  std::memcpy(local.sun_path, address.path.data(), address.path.size());
  return connect_to(reinterpret_cast<const sockaddr*>(&local), sizeof local, address, interrupt_fd,
                    deadline);
}

Result<UniqueFd> connect_tcp(const ServerAddress& address, int interrupt_fd, Instant deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (const int code = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &list);
      code != 0)
    return Error{Errc::unavailable, "cannot reach " + address.text + ": " + gai_strerror(code)};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
  Result<UniqueFd> outcome = Error{Errc::unavailable, "cannot reach " + address.text};
  for (const auto* at = list; at != nullptr; at = at->ai_next) {
    outcome = connect_to(at->ai_addr, at->ai_addrlen, address, interrupt_fd, deadline);
    if (!outcome) continue;
    const int on = 1;
    setsockopt(outcome->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    break;
  }
  return outcome;
}

}  // namespace

Result<std::unique_ptr<ClientLink>> open_link(const ServerAddress& address,
                                              const ClientOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + options.connect_timeout;
  GALLEY_TRY(auto fd, address.path.empty()
                          ? connect_tcp(address, options.interrupt_fd, deadline)
                          : connect_local(address, options.interrupt_fd, deadline));
  std::unique_ptr<ClientLink> link =
      std::make_unique<PlainLink>(std::move(fd), options.interrupt_fd, address.tls);
  if (!address.tls) return link;
  return open_tls(std::move(link), address, options, deadline);
}

}  // namespace galley::http
