#include "listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace galley::http {
namespace {

/// Connections that wait to be accepted while the I/O thread is busy.
constexpr int kBacklog = 1024;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Error unreadable(std::string_view address, std::string_view why) {
  return {Errc::invalid_argument,
          "cannot listen on '" + std::string(address) + "': " + std::string(why),
          {},
          "HOST:PORT, e.g. 127.0.0.1:7420 or [::1]:0"};
}

Result<Addresses> resolve(std::string_view address) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == address.size())
    return unreadable(address, "it is not a host and a port");
  auto host = address.substr(0, colon);
  const std::string port(address.substr(colon + 1));
  if (host.starts_with('[') != host.ends_with(']') ||
      (!host.starts_with('[') && host.find(':') != std::string_view::npos))
    return unreadable(address, "an IPv6 address is written in brackets");
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  // getaddrinfo takes a number modulo 65536.
  if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
      std::stoi(port) > 65535)
    return unreadable(address, "the port is not a number from 0 to 65535");

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(std::string(host).c_str(), port.c_str(), &hints, &found);
      code != 0)
    return unreadable(address, gai_strerror(code));
  return Addresses(found);
}

std::string host_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes =
      address.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr)
          : &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  return inet_ntop(address.ss_family, bytes, text.data(), text.size()) != nullptr ? text.data()
                                                                                  : "";
}

std::string bound_address(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  const bool v6 = address.ss_family == AF_INET6;
  const auto port = ntohs(v6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
  const auto host = host_text(address);
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Error cannot_bind(std::string_view address, int errno_value) {
  const std::string what = "cannot listen on " + std::string(address);
  switch (errno_value) {
    case EADDRINUSE:
      return {Errc::conflict, what + ": another process uses it", {}, {}, "choose another port"};
    case EADDRNOTAVAIL:
      return unreadable(address, "it is not an address of this machine");
    default:
      return system_error(what, errno_value);
  }
}

Result<sockaddr_un> local_address(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto text = path.string();
  if (text.size() >= sizeof address.sun_path)
    return Error{Errc::invalid_argument,
                 "cannot listen on " + text + ": a socket's path holds " +
                     std::to_string(text.size()) + " bytes and may hold " +
                     std::to_string(sizeof address.sun_path - 1),
                 {},
                 {},
                 "choose a shorter data folder"};
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

/// Makes way for a new socket file when the one in place is nobody's.
Status clear_stale(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return ok();
  if (!S_ISSOCK(found.st_mode))
    return Error{Errc::conflict, "cannot listen on " + path.string() + ": it is not a socket"};
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int outcome =
      connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (outcome == 0 || errno != ECONNREFUSED)
    return Error{Errc::conflict, "cannot listen on " + path.string() + ": a server listens there"};
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return system_error("cannot replace the socket " + path.string(), errno);
  return ok();
}

}  // namespace

Result<BoundTcp> listen_tcp(std::string_view address) {
  GALLEY_TRY(const auto found, resolve(address));
  UniqueFd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("cannot open a socket for " + std::string(address), errno);
  const int on = 1;
  // Without it a restart would wait a minute for the connections of the previous server to be
  // forgotten.
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(socket.get(), kBacklog) != 0)
    return cannot_bind(address, errno);
  auto bound = bound_address(socket.get());
  return BoundTcp{std::move(socket), std::move(bound)};
}

Result<BoundLocal> listen_local(const std::filesystem::path& path) {
  GALLEY_TRY(const auto address, local_address(path));
  GALLEY_TRY_STATUS(clear_stale(path, address));
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("cannot open a socket for " + path.string(), errno);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return cannot_bind(path.string(), errno);
  struct stat made {};
  if (lstat(path.c_str(), &made) != 0)
    return system_error("cannot listen on " + path.string(), errno);
  LocalSocketFile file(path, made.st_ino);
  // Nobody can connect before listen(), so there is no moment in which the mode is wider.
  if (chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::listen(socket.get(), kBacklog) != 0)
    return system_error("cannot listen on " + path.string(), errno);
  return BoundLocal{std::move(socket), std::move(file)};
}

LocalSocketFile& LocalSocketFile::operator=(LocalSocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(inode_, other.inode_);
  return *this;
}

void LocalSocketFile::remove() noexcept {
  struct stat found {};
  if (path_.empty()) return;
  if (lstat(path_.c_str(), &found) == 0 && found.st_ino == inode_) unlink(path_.c_str());
  path_.clear();
}

Peer peer_of(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  if (address.ss_family != AF_UNIX) return {.address = host_text(address)};
  Peer peer{.address = "unix"};
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0)
    peer.uid = credentials.uid;
  return peer;
}

}  // namespace galley::http
