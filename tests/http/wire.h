#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"

namespace galley::http::testing {

/// A bare socket for tests that care about the bytes on the wire. Every read gives up after ten
/// seconds, so that a broken server fails a test instead of hanging it.
class Wire {
 public:
  /// "127.0.0.1:1234" or a path that begins with '/'.
  static Wire to(const std::string& address);

  void send(std::string_view bytes);
  /// Sends until the peer stops taking bytes; returns how many it took.
  std::uint64_t send_as_much_as_possible(std::uint64_t limit);
  void end_sending();
  void close();
  /// Makes the kernel's receive buffer small, so that a writer meets a slow reader soon.
  void shrink_receive_buffer();

  /// One answer: head and the body that its Content-Length or chunks announce.
  std::string read_answer(bool head_only = false);
  std::string read_until(std::string_view mark);
  /// All that comes until the peer closes.
  std::string read_to_end();
  /// True when the peer closes (or resets) without sending anything more.
  bool closed_by_peer();

 private:
  bool receive();

  UniqueFd fd_;
  std::string waiting_;
};

/// "Content-Length" of a head, or -1.
std::int64_t content_length_of(std::string_view head);

/// A fresh folder that is removed with all it holds.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace galley::http::testing
