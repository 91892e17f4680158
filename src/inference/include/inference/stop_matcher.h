#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::inference {

inline constexpr std::size_t kMaxStopStrings = 512;
inline constexpr std::size_t kMaxStopBytes = 64 << 10;  // all of them together

/// Stop strings compiled into one automaton (Aho and Corasick, 1975). Immutable, thread-safe.
class StopStrings {
 public:
  /// Errors: invalid_argument (an empty string), too_large (more than the limits above); field is
  /// "stop".
  static Result<std::shared_ptr<const StopStrings>> create(std::span<const std::string> strings);

  std::size_t size() const { return strings_.size(); }
  const std::string& operator[](std::size_t index) const { return strings_[index]; }

 private:
  friend class StopMatcher;
  struct Node {
    std::uint32_t fallback = 0;  // the longest other suffix that begins a stop string
    std::uint32_t depth = 0;
    std::int32_t match = -1;  // the longest stop string that ends here
    std::uint32_t edges_begin = 0, edges_end = 0;
  };
  struct Edge {
    std::uint8_t byte;
    std::uint32_t node;
  };
  StopStrings() = default;
  void link();
  std::uint32_t child(std::uint32_t node, std::uint8_t byte) const;  // 0 where there is none
  std::uint32_t step(std::uint32_t node, std::uint8_t byte) const;

  std::vector<std::string> strings_;
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;  // of one node together, by byte
};

/// Finds stop strings in text that arrives in pieces, also across their borders. Text that could
/// become the start of one is held back, so part of a stop string is never given out.
///
/// The string that ends first wins; of those that end together, the longest. Time is linear in the
/// text, whatever the number of strings. One for each answer; not thread-safe.
class StopMatcher {
 public:
  /// Null: no stop strings, everything passes.
  explicit StopMatcher(std::shared_ptr<const StopStrings> stops = nullptr)
      : stops_(std::move(stops)) {}

  struct Passed {
    std::string text;        // may be sent
    std::int32_t stop = -1;  // index of the string that ended the text; what follows is dropped
  };
  /// After a stop, only finish() and stopped() may be called.
  Passed add(std::string_view piece);
  /// The end of the answer: what was held back, or nothing after a stop.
  std::string finish();
  bool stopped() const { return stopped_; }

 private:
  std::shared_ptr<const StopStrings> stops_;
  std::string held_;
  std::uint32_t node_ = 0;
  bool stopped_ = false;
};

}  // namespace galley::inference
