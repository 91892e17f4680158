#include "relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <list>
#include <mutex>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace galley::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

struct Pair {
  UniqueFd client;
  UniqueFd server;
  bool may_lose = false;
};

}  // namespace

struct Relay::State {
  UniqueFd listener;
  UniqueFd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;  // guards what follows
  std::uint16_t target = 0;
  bool stop = false;
  bool cut = false;
  std::string lossy_path;
  int to_lose = 0;

  void poke() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake.get(), &one, sizeof one);
  }
  /// True when this piece of a request asks for the path whose answers are to be lost.
  bool may_lose(std::string_view request) {
    const std::lock_guard lock(mutex);
    return to_lose > 0 && request.find(" " + lossy_path) != std::string_view::npos;
  }
  /// Counted with the answer: a request that was cut off first has lost none.
  bool loses() {
    const std::lock_guard lock(mutex);
    if (to_lose == 0) return false;
    --to_lose;
    return true;
  }
};

namespace {

/// Moves what is there; false when the pair is over.
template <class Seen>
bool forward(int from, int to, const Seen& seen) {
  std::array<char, 65536> buffer{};
  const ssize_t got = ::recv(from, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  if (!seen(bytes)) return false;
  return write_all(to, bytes).has_value();
}

}  // namespace

Relay::Relay() : state_(std::make_unique<State>()) {
  state_->listener = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto address = loopback(0);
  socklen_t size = sizeof address;
  GALLEY_CHECK(::bind(state_->listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                   ::listen(state_->listener.get(), 128) == 0,
               "tests can listen on loopback");
  ::getsockname(state_->listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  thread_ = std::thread([this] {
    std::list<Pair> pairs;
    for (;;) {
      std::vector<pollfd> waiting{{state_->wake.get(), POLLIN, 0},
                                  {state_->listener.get(), POLLIN, 0}};
      for (const Pair& pair : pairs) {
        waiting.push_back({pair.client.get(), POLLIN, 0});
        waiting.push_back({pair.server.get(), POLLIN, 0});
      }
      ::poll(waiting.data(), waiting.size(), -1);
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = ::read(state_->wake.get(), &count, sizeof count);
      std::uint16_t target = 0;
      {
        const std::lock_guard lock(state_->mutex);
        if (state_->stop) return;
        if (std::exchange(state_->cut, false)) {
          pairs.clear();
          continue;
        }
        target = state_->target;
      }
      std::size_t at = 2;
      for (auto pair = pairs.begin(); pair != pairs.end(); at += 2) {
        bool open = true;
        if (waiting[at].revents != 0)
          open = forward(pair->client.get(), pair->server.get(), [&](std::string_view bytes) {
            pair->may_lose = pair->may_lose || state_->may_lose(bytes);
            return true;
          });
        if (open && waiting[at + 1].revents != 0)
          open = forward(pair->server.get(), pair->client.get(), [&](std::string_view) {
            const bool is_lost = std::exchange(pair->may_lose, false) && state_->loses();
            if (is_lost) ++lost_;
            return !is_lost;
          });
        pair = open ? std::next(pair) : pairs.erase(pair);
      }
      if (waiting[1].revents == 0) continue;
      Pair pair;
      pair.client = UniqueFd(::accept4(state_->listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      pair.server = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto there = loopback(target);
      if (target == 0 || ::connect(pair.server.get(), reinterpret_cast<const sockaddr*>(&there),
                                   sizeof there) != 0)
        continue;
      const int on = 1;
      ::setsockopt(pair.server.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ::setsockopt(pair.client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      pairs.push_back(std::move(pair));
    }
  });
}

Relay::~Relay() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->poke();
  thread_.join();
}

void Relay::lead_to(const std::string& url) {
  const std::lock_guard lock(state_->mutex);
  const auto colon = url.rfind(':');
  state_->target =
      url.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1)));
}

void Relay::cut() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->cut = true;
  }
  state_->poke();
}

void Relay::lose_answers(const std::string& path, int count) {
  const std::lock_guard lock(state_->mutex);
  state_->lossy_path = path;
  state_->to_lose = count;
}

}  // namespace galley::testing
