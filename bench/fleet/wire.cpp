#include "fleet/wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace galley::bench {

Result<std::optional<WireAnswer>> cut_answer(std::string& arrived) {
  const auto end = arrived.find("\r\n\r\n");
  if (end == std::string::npos) return std::optional<WireAnswer>();
  const std::string_view head(arrived.data(), end);
  WireAnswer answer;
  constexpr std::size_t kStatusAt = 9;  // after "HTTP/1.1 "
  if (head.size() < kStatusAt + 3 ||
      std::from_chars(head.data() + kStatusAt, head.data() + kStatusAt + 3, answer.status).ec !=
          std::errc{})
    return Error{Errc::corrupt, "the server's answer is no HTTP"};
  std::size_t length = 0;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  if (const auto at = head.find(kLength); at != std::string_view::npos)
    std::from_chars(head.data() + at + kLength.size(), head.data() + head.size(), length);
  const std::size_t whole = end + 4 + length;
  if (arrived.size() < whole) return std::optional<WireAnswer>();
  answer.body = arrived.substr(end + 4, length);
  arrived.erase(0, whole);
  return std::optional(std::move(answer));
}

Result<Wire> Wire::connect(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return system_error("cannot connect an agent", errno);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return Wire(std::move(fd));
}

void Wire::send(std::string request, Done done) {
  waiting_.push_back({std::move(request), std::move(done)});
  if (!under_way_) next();
}

void Wire::next() {
  if (waiting_.empty()) return;
  out_ = std::move(waiting_.front().bytes);
  under_way_ = std::move(waiting_.front().done);
  waiting_.pop_front();
  // What cannot be written shows when the descriptor is next served.
  (void)flush();
}

Status Wire::flush() {
  while (!out_.empty()) {
    const auto sent = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return ok();
    if (sent < 0) return system_error("an agent's connection broke", errno);
    out_.erase(0, static_cast<std::size_t>(sent));
  }
  return ok();
}

Status Wire::serve() {
  GALLEY_TRY_STATUS(flush());
  std::array<char, 16384> buffer{};
  for (;;) {
    const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (got <= 0) return Error{Errc::unavailable, "the controller closed an agent's connection"};
    in_.append(buffer.data(), static_cast<std::size_t>(got));
  }
  for (;;) {
    GALLEY_TRY(const auto answer, cut_answer(in_));
    if (!answer) return ok();
    const Done done = std::exchange(under_way_, nullptr);
    if (done) done(*answer);
    if (!under_way_) next();
  }
}

std::string request_text(std::string_view method, std::string_view target,
                         std::string_view credential, std::string_view body) {
  std::string text;
  text.reserve(256 + body.size());
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
  text.append("Authorization: Bearer ").append(credential).append("\r\n");
  if (method != "GET")
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  return text.append("\r\n").append(body);
}

}  // namespace galley::bench
