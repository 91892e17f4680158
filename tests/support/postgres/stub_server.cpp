#include "support/postgres/stub_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace galley::testing {
namespace {

std::string big_endian(std::uint32_t number) {
  const std::uint32_t net = ::htonl(number);
  return std::string(reinterpret_cast<const char*>(&net), sizeof net);
}

std::string message(char type, const std::string& body) {
  return type + big_endian(static_cast<std::uint32_t>(body.size() + sizeof(std::uint32_t))) + body;
}

std::string parameter(const std::string& name, const std::string& value) {
  return message('S', name + '\0' + value + '\0');
}

const std::string kReady = message('Z', "I");

std::string one_row() {
  const std::string column = std::string("x") + '\0' + big_endian(0) + std::string("\0\0", 2) +
                             big_endian(25) + std::string("\xff\xff", 2) + big_endian(0xffffffff) +
                             std::string("\0\0", 2);
  return message('T', std::string("\0\1", 2) + column) +
         message('D', std::string("\0\1", 2) + big_endian(3) + "off") +
         message('C', std::string("SELECT 1") + '\0') + kReady;
}

}  // namespace

StubServer::StubServer(std::string version)
    : version_(std::move(version)), listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  GALLEY_CHECK(::bind(listening_.get(), raw, length) == 0 && ::listen(listening_.get(), 8) == 0 &&
                   ::getsockname(listening_.get(), raw, &length) == 0,
               "a loopback port is to be had");
  port_ = ::ntohs(address.sin_port);
  thread_ = std::jthread([this] { serve(); });
}

StubServer::~StubServer() { ::shutdown(listening_.get(), SHUT_RDWR); }

std::string StubServer::url() const {
  return "postgresql://galley@127.0.0.1:" + std::to_string(port_) +
         "/galley?sslmode=disable&gssencmode=disable";
}

void StubServer::serve() const {
  for (;;) {
    const UniqueFd client(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) return;
    converse(client.get());
  }
}

void StubServer::converse(int fd) const {
  std::array<char, 4096> buffer{};
  if (::read(fd, buffer.data(), buffer.size()) <= 0) return;  // the startup message
  const std::string welcome = message('R', big_endian(0)) + parameter("server_version", version_) +
                              parameter("server_encoding", "UTF8") +
                              parameter("client_encoding", "UTF8") + kReady;
  (void)write_all(fd, welcome);
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count <= 0 || buffer[0] == 'X') return;
    (void)write_all(fd, one_row());
  }
}

}  // namespace galley::testing
