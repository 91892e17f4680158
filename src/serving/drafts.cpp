#include "drafts.h"

#include <algorithm>

namespace galley::serving {

void draft_by_lookup(std::span<const text::TokenId> text, std::size_t count,
                     std::vector<text::TokenId>& drafts) {
  drafts.clear();
  for (const std::size_t length : {std::size_t{3}, std::size_t{2}}) {
    if (text.size() <= length) continue;
    const auto tail = text.last(length);
    for (auto at = text.size() - length; at-- > 0;) {
      if (!std::ranges::equal(text.subspan(at, length), tail)) continue;
      const auto followed = text.subspan(at + length);
      const auto taken = followed.first(std::min(count, followed.size()));
      drafts.assign(taken.begin(), taken.end());
      return;
    }
  }
}

void DraftPace::record(std::uint32_t drafted, std::uint32_t accepted) {
  if (pause_ > 0) {
    --pause_;
    return;
  }
  if (drafted == 0) return;
  if (accepted == drafted) {
    length_ = std::min(most_, std::max(length_, drafted) + 1);
    next_pause_ = kFirstPause;
  } else if (accepted > 0) {
    length_ = accepted;
    next_pause_ = kFirstPause;
  } else {
    length_ = 1;
    pause_ = next_pause_;
    next_pause_ = std::min(2 * next_pause_, kLongestPause);
  }
}

}  // namespace galley::serving
