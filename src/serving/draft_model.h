#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "batch_planner.h"

namespace galley::serving {

/// A small model that proposes what a large one might write (speculative decoding,
/// arXiv:2211.17192), greedily, in KV pages of its own. It sees a sequence for the first time when
/// asked for drafts, reads its text in chunks over several asks, and proposes once it caught up.
///
/// One thread. Where its pages do not suffice, texts that were not asked about lately make room.
class DraftModel {
 public:
  /// `model` must outlive it.
  explicit DraftModel(inference::ForwardModel& model);

  struct Ask {
    SequenceIndex sequence{};
    std::span<const text::TokenId> tokens;
    std::size_t count = 0;
    std::vector<text::TokenId>* drafts = nullptr;  // emptied, then at most `count`
  };
  void propose(std::span<const Ask> asks);
  /// The sequence has ended; its index may come again for another.
  void drop(SequenceIndex sequence);

 private:
  struct Reader {
    std::vector<text::TokenId> seen;  // whose KV is in `pages`
    std::vector<PageIndex> pages;
    std::uint64_t asked = 0;  // the last round
  };
  struct Run {
    const Ask* ask = nullptr;
    Reader* reader = nullptr;
    std::size_t chunk = 0;
  };
  bool hold_pages(Reader& reader, std::size_t tokens);
  bool free_some_pages();
  void release(Reader& reader);
  void read_texts(std::size_t rows);
  void continue_drafts();

  inference::ForwardModel& model_;
  PagePool pool_;
  std::map<SequenceIndex, Reader> readers_;
  std::uint64_t round_ = 0;
  std::vector<Run> runs_;
  std::vector<inference::ForwardSequence> sequences_;
  std::vector<float> logits_;
};

}  // namespace galley::serving
