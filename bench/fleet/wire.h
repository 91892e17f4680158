#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace galley::bench {

struct WireAnswer {
  int status = 0;
  std::string body;
};

/// Cuts the first whole answer off what has arrived; nothing while it is incomplete. For answers of
/// our own server: a length or no body. Errors: corrupt.
Result<std::optional<WireAnswer>> cut_answer(std::string& arrived);

/// A connection of a program that has thousands of them on one thread: requests wait their turn,
/// one is under way at a time. The owner polls the descriptor.
class Wire {
 public:
  using Done = std::function<void(const WireAnswer&)>;

  /// Connects to 127.0.0.1. Errors: unavailable.
  static Result<Wire> connect(std::uint16_t port);

  void send(std::string request, Done done);
  /// There is something to read, or room to write. Errors: unavailable (it closed).
  Status serve();
  bool wants_write() const { return !out_.empty(); }
  int fd() const { return fd_.get(); }

 private:
  explicit Wire(UniqueFd fd) : fd_(std::move(fd)) {}
  void next();
  Status flush();

  UniqueFd fd_;
  struct Request {
    std::string bytes;
    Done done;
  };
  std::deque<Request> waiting_;
  Done under_way_;
  std::string out_;
  std::string in_;
};

/// A request of an agent.
std::string request_text(std::string_view method, std::string_view target,
                         std::string_view credential, std::string_view body = {});

}  // namespace galley::bench
