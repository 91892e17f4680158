#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include "base/json.h"
#include "http/client.h"

namespace galley::openai {

/// What became of the requests of all clients together.
struct SoakTally {
  std::atomic<std::uint64_t> answered{0}, refused{0}, busy{0}, abandoned{0};
};

/// One client that does everything that clients do, in an order that follows from its seed: asks
/// for whole and streamed answers, goes away in their middle, sends what is no request, or stops
/// reading. An answer that should not have come fails the test; so does one that does not come.
/// One thread.
class SoakClient {
 public:
  /// `address` is "127.0.0.1:4000"; the server's model reads `context` tokens of `vocabulary`.
  struct Server {
    std::string address;
    int context = 0;
    int vocabulary = 0;
  };
  SoakClient(const Server& server, std::uint64_t seed, SoakTally& tally);
  void act();

 private:
  int below(int limit) { return static_cast<int>(dice_() % static_cast<std::uint64_t>(limit)); }
  Json request();
  Json with_a_shape();
  void ask(const std::string& path, const Json& body, int expected = 200);
  void send(const std::string& path, std::string body, int expected);
  void read_stream();
  void go_away();
  void stop_reading();
  void send_wrong_values();
  void send_broken_json();
  void send_broken_http();

  const Server server_;
  std::mt19937_64 dice_;
  SoakTally& tally_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace galley::openai
