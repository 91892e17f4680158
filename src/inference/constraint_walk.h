#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "grammar_machine.h"
#include "inference/constraint.h"
#include "token_trie.h"

namespace galley::inference {

/// What a vocabulary may add at one position, as far as its rule's caller does not matter.
struct PositionMask {
  std::vector<text::TokenId> few;  // the tokens, where they are few
  TokenMask many;                  // and where they are not
  /// Nodes of the trie behind which the rule may end and some token goes on: there the caller
  /// decides. Their tokens are walked when the caller is known.
  std::vector<std::uint32_t> escapes;

  std::size_t bytes() const {
    return few.size() * sizeof(text::TokenId) + many.words().size_bytes() +
           escapes.size() * sizeof(std::uint32_t);
  }
};

struct Constraint::Impl {
  Machine machine;
  std::shared_ptr<const TokenTrie> trie;

  mutable std::mutex masks_mutex;                                  // guards masks and mask_bytes
  mutable std::vector<std::unique_ptr<const PositionMask>> masks;  // by position
  mutable std::size_t mask_bytes = 0;
};

/// Moves all the ways in which a grammar reads a text along its bytes. Frames are kept once each
/// (a graph-structured stack, Tomita 1985), so that equal ways meet again; they and the sets of
/// ways are undone in the order in which they were made, which is how a trie is walked.
class ConstraintWalk {
 public:
  using Top = GrammarPlace::Top;
  using Frame = GrammarPlace::Frame;

  static constexpr std::uint32_t kBottom = 0;
  /// Rules open at once: what would nest deeper is not allowed.
  static constexpr std::uint32_t kMaxFrameDepth = 512;
  /// Ways at once, and steps of one way or another (some 10 ns each) from reset() on. A grammar
  /// that needs more is too ambiguous to be followed in step with a model.
  static constexpr std::size_t kMaxTops = 1024;
  static constexpr std::size_t kMaxWork = 8'000'000;

  /// A set of ways: some of the last tops that were made.
  struct Set {
    std::size_t begin = 0, end = 0;
    std::size_t frames = 0;  // that exist; more are undone when walking goes on from here
    bool ended = false;      // the bottom's rule may end here
    bool empty() const { return begin == end; }
    std::size_t size() const { return end - begin; }
  };

  /// Begins with frames of which the first is the bottom. The empty set of that time.
  Set reset(const Machine& machine, std::span<const Frame> frames);
  /// The ways at these tops, as they stand or led on to where they read.
  Set open(std::span<const Top> tops);
  Set close(std::span<const Top> tops);
  /// Reads a byte; what was made since `from` is undone first.
  Set step(const Set& from, std::uint8_t byte) {
    back_to(from);
    ++work_;
    if (from.size() != 1) return step_all(from, byte);
    // Inside of strings, where nearly every token is allowed, there is one plain way.
    const Top top = tops_[from.begin];
    const std::uint32_t to = machine_->next(top.position, byte);
    if (to == kNowhere) return {from.end, from.end, from.frames, false};
    tops_.push_back({to, top.frame});
    if (machine_->positions[to].plain) return {from.end, from.end + 1, from.frames, false};
    return close_from(from.end);
  }
  void back_to(const Set& set) {
    if (tops_.size() > set.end) tops_.resize(set.end);
    if (frames_.size() > set.frames) drop_frames(set.frames);
  }
  GrammarPlace place(const Set& set) const;
  /// Work since reset(); past kMaxWork nothing is true any more of what was found.
  std::size_t work() const { return work_; }

  /// Marks the tokens of nodes [begin, end) of the trie, whose first is a child of what was read up
  /// to `from`. Where `escapes` is given, it gets the nodes behind which the bottom's rule may end.
  template <class Mark>
  void walk(const TokenTrie::Impl& trie, std::uint32_t begin, std::uint32_t end, const Set& from,
            std::vector<std::uint32_t>* escapes, Mark&& mark);

 private:
  static constexpr std::size_t kBuckets = 256;
  void add(std::size_t begin, Top top);
  std::uint32_t frame_of(Frame frame);
  void drop_frames(std::size_t count);
  Set step_all(const Set& from, std::uint8_t byte);
  Set close_from(std::size_t begin);

  const Machine* machine_ = nullptr;
  std::vector<Frame> frames_;
  std::vector<std::uint32_t> depths_;  // of frames
  std::vector<std::uint32_t> chains_;  // the next frame of the same bucket
  std::array<std::uint32_t, kBuckets> buckets_{};
  std::vector<Top> tops_;
  std::vector<Set> levels_;
  std::size_t work_ = 0;
};

template <class Mark>
void ConstraintWalk::walk(const TokenTrie::Impl& trie, std::uint32_t begin, std::uint32_t end,
                          const Set& from, std::vector<std::uint32_t>* escapes, Mark&& mark) {
  if (begin >= end) return;
  const std::uint32_t top_depth = trie.nodes[begin].depth;
  levels_.resize(std::max<std::size_t>(levels_.size(), trie.max_depth + 2));
  levels_[0] = from;
  for (std::uint32_t node = begin; node < end && work_ <= kMaxWork;) {
    const TokenTrie::Impl::Node& here = trie.nodes[node];
    const std::size_t level = here.depth - top_depth;
    const Set set = step(levels_[level], here.byte);
    if (set.empty() && !set.ended) {
      node = here.past;
      continue;
    }
    for (const text::TokenId token : trie.tokens_of(node)) mark(token);
    const bool has_children = trie.has_children(node);
    if (set.ended && has_children && escapes != nullptr) escapes->push_back(node);
    if (set.empty() || !has_children) {
      node = here.past;
      continue;
    }
    levels_[level + 1] = set;
    ++node;
  }
}

}  // namespace galley::inference
