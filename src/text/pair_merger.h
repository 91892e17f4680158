#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/tokenizer.h"

namespace galley::text {

/// The merging of byte-pair encoding: again and again the adjacent pair of the lowest rank becomes
/// one symbol, the leftmost first where ranks are equal (arXiv:1508.07909). Thread-safe once
/// filled.
class PairMerger {
 public:
  /// Memory of merge(), kept by the caller from piece to piece.
  struct Scratch {
    std::vector<std::uint32_t> ranks;
    std::vector<TokenId> merged;
    struct Candidate {
      std::uint32_t rank;
      std::uint32_t left;  // index of the left symbol
      TokenId merged;
      TokenId left_id, right_id;  // what stood there; a merge in between makes it stale
    };
    std::vector<Candidate> heap;
    std::vector<std::uint32_t> next, previous;
  };

  explicit PairMerger(std::size_t expected);

  /// The first of two equal pairs stays.
  void add(TokenId left, TokenId right, std::uint32_t rank, TokenId merged);

  /// Merges symbols[from..] in place. O(n) merges of O(n) each for short pieces, where that is
  /// fastest; O(n log n) past kShortPiece.
  void merge(std::vector<TokenId>& symbols, std::size_t from, Scratch& scratch) const;

 private:
  static constexpr std::size_t kShortPiece = 48;
  static constexpr std::uint32_t kNoRank = UINT32_MAX;
  static constexpr std::uint64_t kEmpty = UINT64_MAX;

  struct Slot {
    std::uint64_t pair = kEmpty;
    std::uint32_t rank = kNoRank;
    TokenId merged = -1;
  };

  static std::uint64_t pair_of(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  std::size_t slot_of(std::uint64_t pair) const {
    return static_cast<std::size_t>(pair * 0x9E3779B97F4A7C15U >> shift_);
  }
  const Slot* find(TokenId left, TokenId right) const {
    const std::uint64_t pair = pair_of(left, right);
    for (std::size_t at = slot_of(pair);; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.pair == pair) return &slot;
      if (slot.pair == kEmpty) return nullptr;
    }
  }
  void grow();
  void merge_short(std::vector<TokenId>& symbols, std::size_t from, Scratch& scratch) const;
  void merge_long(std::vector<TokenId>& symbols, std::size_t from, Scratch& scratch) const;

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
  std::size_t count_ = 0;
};

}  // namespace galley::text
