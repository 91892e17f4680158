#include "support/postgres/cut_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <vector>

namespace galley::testing {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  address.sin_port = ::htons(static_cast<std::uint16_t>(port));
  return address;
}

}  // namespace

struct CutProxy::Pair {
  UniqueFd client;
  UniqueFd server;
  bool answer_is_lost = false;
};

CutProxy::CutProxy(int server_port)
    : server_port_(server_port),
      listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      wake_(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  GALLEY_CHECK(::bind(listening_.get(), raw, length) == 0 && ::listen(listening_.get(), 16) == 0 &&
                   ::getsockname(listening_.get(), raw, &length) == 0,
               "a loopback port is to be had");
  port_ = ::ntohs(address.sin_port);
  thread_ = std::jthread([this] { serve(); });
}

CutProxy::~CutProxy() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

std::string CutProxy::url(const std::string& database) const {
  return "postgresql://galley@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

/// False when the pair is to be closed.
bool CutProxy::forward(Pair& pair, bool from_client) {
  std::array<char, 65536> buffer{};
  const int from = from_client ? pair.client.get() : pair.server.get();
  const ssize_t count = ::read(from, buffer.data(), buffer.size());
  if (count <= 0) return false;
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
  if (!from_client) return !pair.answer_is_lost && write_all(pair.client.get(), bytes).has_value();
  const Cut cut = armed_.exchange(Cut::none);
  if (cut == Cut::question) return false;
  pair.answer_is_lost = cut == Cut::answer;
  return write_all(pair.server.get(), bytes).has_value();
}

void CutProxy::serve() {
  std::vector<Pair> pairs;
  for (;;) {
    std::vector<pollfd> wanted{{wake_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
    for (const Pair& pair : pairs) {
      wanted.push_back({pair.client.get(), POLLIN, 0});
      wanted.push_back({pair.server.get(), POLLIN, 0});
    }
    if (::poll(wanted.data(), wanted.size(), -1) < 0) continue;
    if (wanted[0].revents != 0) return;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      bool open = true;
      if (wanted[2 + 2 * i].revents != 0) open = forward(pairs[i], true);
      if (open && wanted[3 + 2 * i].revents != 0) open = forward(pairs[i], false);
      if (!open) pairs[i] = {};
    }
    std::erase_if(pairs, [](const Pair& pair) { return !pair.client; });
    if (wanted[1].revents == 0) continue;
    Pair pair{UniqueFd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)),
              UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    const sockaddr_in address = loopback(server_port_);
    if (::connect(pair.server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
        0)
      pairs.push_back(std::move(pair));
  }
}

}  // namespace galley::testing
