#include "pair_merger.h"

#include <algorithm>
#include <bit>

#include "base/result.h"

namespace galley::text {

PairMerger::PairMerger(std::size_t expected) {
  slots_.resize(std::bit_ceil(std::max<std::size_t>(expected * 2, 2)));
  mask_ = slots_.size() - 1;
  shift_ = 64U - static_cast<unsigned>(std::bit_width(mask_));
}

void PairMerger::add(TokenId left, TokenId right, std::uint32_t rank, TokenId merged) {
  if (find(left, right) != nullptr) return;
  if ((count_ + 1) * 2 > slots_.size()) grow();
  const std::uint64_t pair = pair_of(left, right);
  std::size_t at = slot_of(pair);
  while (slots_[at].pair != kEmpty) at = (at + 1) & mask_;
  slots_[at] = {pair, rank, merged};
  ++count_;
}

void PairMerger::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  --shift_;
  for (const Slot& slot : old) {
    if (slot.pair == kEmpty) continue;
    std::size_t at = slot_of(slot.pair);
    while (slots_[at].pair != kEmpty) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

void PairMerger::merge(std::vector<TokenId>& symbols, std::size_t from, Scratch& scratch) const {
  const std::size_t count = symbols.size() - from;
  if (count < 2) return;
  if (count <= kShortPiece) return merge_short(symbols, from, scratch);
  GALLEY_CHECK(count < UINT32_MAX, "a piece fits in memory");
  merge_long(symbols, from, scratch);
}

void PairMerger::merge_short(std::vector<TokenId>& symbols, std::size_t from,
                             Scratch& scratch) const {
  TokenId* const ids = symbols.data() + from;
  std::size_t count = symbols.size() - from;
  scratch.ranks.resize(kShortPiece);
  scratch.merged.resize(kShortPiece);
  std::uint32_t* const ranks = scratch.ranks.data();
  TokenId* const merged = scratch.merged.data();
  const auto rate = [&](std::size_t i) {
    const Slot* slot = find(ids[i], ids[i + 1]);
    ranks[i] = slot == nullptr ? kNoRank : slot->rank;
    merged[i] = slot == nullptr ? -1 : slot->merged;
  };
  for (std::size_t i = 0; i + 1 < count; ++i) rate(i);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i)
      if (ranks[i] < ranks[best]) best = i;
    if (ranks[best] == kNoRank) break;
    ids[best] = merged[best];
    std::copy(ids + best + 2, ids + count, ids + best + 1);
    std::copy(ranks + best + 2, ranks + count, ranks + best + 1);
    std::copy(merged + best + 2, merged + count, merged + best + 1);
    --count;
    if (best + 1 < count) rate(best);
    if (best > 0) rate(best - 1);
  }
  symbols.resize(from + count);
}

void PairMerger::merge_long(std::vector<TokenId>& symbols, std::size_t from,
                            Scratch& scratch) const {
  constexpr std::uint32_t kEnd = UINT32_MAX;
  TokenId* const ids = symbols.data() + from;
  const auto count = static_cast<std::uint32_t>(symbols.size() - from);
  auto& [ranks, merged, heap, next, previous] = scratch;
  next.resize(count);
  previous.resize(count);
  heap.clear();
  // A heap of the standard library has its largest first.
  const auto later = [](const Scratch::Candidate& a, const Scratch::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  };
  const auto candidate = [&](std::uint32_t left, std::uint32_t right) {
    const Slot* slot = find(ids[left], ids[right]);
    if (slot == nullptr) return false;
    heap.push_back({slot->rank, left, slot->merged, ids[left], ids[right]});
    return true;
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1 < count ? i + 1 : kEnd;
    previous[i] = i > 0 ? i - 1 : kEnd;
    if (i + 1 < count) candidate(i, i + 1);
  }
  std::ranges::make_heap(heap, later);
  constexpr TokenId kGone = -1;
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, later);
    const Scratch::Candidate best = heap.back();
    heap.pop_back();
    const std::uint32_t right = next[best.left];
    if (ids[best.left] != best.left_id || right == kEnd || ids[right] != best.right_id) continue;
    ids[best.left] = best.merged;
    ids[right] = kGone;
    const std::uint32_t after = next[right];
    next[best.left] = after;
    if (after != kEnd) {
      previous[after] = best.left;
      if (candidate(best.left, after)) std::ranges::push_heap(heap, later);
    }
    const std::uint32_t before = previous[best.left];
    if (before != kEnd && candidate(before, best.left)) std::ranges::push_heap(heap, later);
  }
  symbols.erase(
      std::remove(symbols.begin() + static_cast<std::ptrdiff_t>(from), symbols.end(), kGone),
      symbols.end());
}

}  // namespace galley::text
