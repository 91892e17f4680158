#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "transport.h"

namespace galley::http::testing {

/// The in-memory twin of a socket: a test feeds bytes and looks at what came out. `taken_at_once`
/// is how much write_now takes, so that partial writes are met too.
class MemoryTransport final : public Transport {
 public:
  struct Peer {
    std::string received;  // by the peer
    bool ended = false;
    bool closed = false;
    std::size_t taken_at_once = 1 << 20;
    Owner reader;
    char* data = nullptr;
    std::size_t capacity = 0;
    Owner writer;
    std::size_t writing = 0;
  };
  explicit MemoryTransport(std::shared_ptr<Peer> peer) : peer_(std::move(peer)) {}

  bool open(Owner) override { return true; }
  void start_read(Owner owner, char* data, std::size_t capacity) override {
    peer_->reader = std::move(owner);
    peer_->data = data;
    peer_->capacity = capacity;
  }
  std::size_t write_now(std::string_view first, std::string_view second) override {
    const auto one = first.substr(0, peer_->taken_at_once);
    peer_->received += one;
    if (one.size() < first.size()) return one.size();
    const auto two = second.substr(0, peer_->taken_at_once - one.size());
    peer_->received += two;
    return one.size() + two.size();
  }
  void start_write(Owner owner, std::string_view first, std::string_view second) override {
    peer_->writer = std::move(owner);
    peer_->received += first;
    peer_->received += second;
    peer_->writing = first.size() + second.size();
  }
  void end_sending(Owner) override { peer_->ended = true; }
  void close() override { peer_->closed = true; }

  /// Hands bytes to the connection, as much as it has asked for each time; what it does not want
  /// any more is lost, as on a real socket.
  static void feed(const std::shared_ptr<Peer>& peer, std::string_view bytes) {
    while (!bytes.empty() && !peer->closed) {
      complete_write(peer);
      if (!peer->reader) return;
      const auto piece = bytes.substr(0, peer->capacity);
      std::memcpy(peer->data, piece.data(), piece.size());
      bytes.remove_prefix(piece.size());
      std::exchange(peer->reader, nullptr)->on_read(piece.size(), ReadEnd::open);
    }
    complete_write(peer);
  }
  static void hang_up(const std::shared_ptr<Peer>& peer) {
    complete_write(peer);
    if (peer->reader) std::exchange(peer->reader, nullptr)->on_read(0, ReadEnd::closed);
    complete_write(peer);
  }

 private:
  static void complete_write(const std::shared_ptr<Peer>& peer) {
    while (peer->writer) std::exchange(peer->writer, nullptr)->on_written(peer->writing, false);
  }

  std::shared_ptr<Peer> peer_;
};

}  // namespace galley::http::testing
