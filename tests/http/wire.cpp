#include "wire.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace galley::http::testing {
namespace {

constexpr int kPatienceMs = 10'000;

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lower;
}

}  // namespace

Wire Wire::to(const std::string& address) {
  Wire wire;
  const bool local = address.starts_with('/');
  wire.fd_ = UniqueFd(socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int outcome = -1;
  if (local) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, address.data(), address.size());
    outcome = connect(wire.fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  } else {
    const auto colon = address.rfind(':');
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &name.sin_addr);
    outcome = connect(wire.fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  }
  EXPECT_EQ(outcome, 0) << address << ": " << std::strerror(errno);
  return wire;
}

void Wire::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the peer hung up; what it said before tells the test enough
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::uint64_t Wire::send_as_much_as_possible(std::uint64_t limit) {
  const std::string piece(64 << 10, 'x');
  std::uint64_t total = 0;
  while (total < limit) {
    const auto sent = ::send(fd_.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;
    total += static_cast<std::uint64_t>(sent);
  }
  return total;
}

void Wire::end_sending() { shutdown(fd_.get(), SHUT_WR); }
void Wire::close() { fd_.reset(); }

void Wire::shrink_receive_buffer() {
  const int bytes = 32 << 10;
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

bool Wire::receive() {
  pollfd entry{fd_.get(), POLLIN, 0};
  if (poll(&entry, 1, kPatienceMs) <= 0) {
    ADD_FAILURE() << "nothing came in time; so far: " << waiting_;
    return false;
  }
  std::array<char, 16384> bytes{};
  const auto got = recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  waiting_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

std::string Wire::read_until(std::string_view mark) {
  for (;;) {
    if (const auto at = waiting_.find(mark); at != std::string::npos) {
      auto text = waiting_.substr(0, at + mark.size());
      waiting_.erase(0, at + mark.size());
      return text;
    }
    if (!receive()) return std::exchange(waiting_, {});
  }
}

std::string Wire::read_answer(bool head_only) {
  auto answer = read_until("\r\n\r\n");
  if (head_only) return answer;
  if (lowered(answer).find("transfer-encoding: chunked") != std::string::npos)
    return answer + read_until("0\r\n\r\n");
  auto left = content_length_of(answer);
  while (left > static_cast<std::int64_t>(waiting_.size()) && receive()) {
  }
  const auto take = static_cast<std::size_t>(std::max<std::int64_t>(left, 0));
  answer += waiting_.substr(0, take);
  waiting_.erase(0, take);
  return answer;
}

std::string Wire::read_to_end() {
  while (receive()) {
  }
  return std::exchange(waiting_, {});
}

bool Wire::closed_by_peer() { return read_to_end().empty(); }

std::int64_t content_length_of(std::string_view head) {
  const auto text = lowered(head);
  const auto at = text.find("content-length: ");
  return at == std::string::npos ? -1 : std::atoll(text.c_str() + at + 16);
}

TempFolder::TempFolder() {
  std::string pattern = std::filesystem::temp_directory_path().string() + "/galley-http-XXXXXX";
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace galley::http::testing
