#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace galley::serving {

/// What followed the last time that the text's last three tokens (or two) appeared in it: at most
/// `count` tokens into `drafts`, none where they never did. O(text).
void draft_by_lookup(std::span<const text::TokenId> text, std::size_t count,
                     std::vector<text::TokenId>& drafts);

/// How many drafts are worth a try for one answer: one more after a full success, as many as were
/// right after a failure; after a complete failure none for a while, which doubles each time.
class DraftPace {
 public:
  explicit DraftPace(std::uint32_t most) : most_(most), length_(most) {}
  std::uint32_t length() const { return pause_ > 0 ? 0 : length_; }
  /// A step of this answer went by.
  void record(std::uint32_t drafted, std::uint32_t accepted);

 private:
  std::uint32_t most_;
  std::uint32_t length_;
  std::uint32_t pause_ = 0;
  std::uint32_t next_pause_ = kFirstPause;

  static constexpr std::uint32_t kFirstPause = 4;  // steps
  static constexpr std::uint32_t kLongestPause = 64;
};

}  // namespace galley::serving
