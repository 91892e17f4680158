#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "model_encoder.h"
#include "pair_merger.h"
#include "vocabulary.h"

namespace galley::text {

/// Pieces to ids by merging, with a short cut for the pieces that are tokens themselves, which most
/// are. Whether merging leads from a piece to its token is found out once for each token and then
/// remembered in a byte. Thread-safe once filled.
class PieceEncoder {
 public:
  explicit PieceEncoder(const Vocabulary& vocabulary)
      : vocabulary_(&vocabulary),
        merger_(2 * vocabulary.size()),
        whole_(std::make_unique<std::atomic<std::uint8_t>[]>(vocabulary.size())) {}

  PairMerger& merger() { return merger_; }

  /// spell(piece, out) appends the symbols that merging starts from.
  template <class Spell>
  void encode(std::string_view piece, const Spell& spell, EncodeScratch& scratch,
              std::vector<TokenId>& out) const {
    const TokenId token = vocabulary_->find_piece(piece);
    if (token == StringTable::kNone) return merge(piece, spell, scratch, out);
    std::atomic<std::uint8_t>& known = whole_[static_cast<std::size_t>(token)];
    const std::uint8_t state = known.load(std::memory_order_relaxed);
    if (state == kWhole || vocabulary_->spec().ignore_merges) {
      out.push_back(token);
      return;
    }
    const std::size_t from = out.size();
    merge(piece, spell, scratch, out);
    if (state == kUnknown)
      known.store(out.size() == from + 1 && out[from] == token ? kWhole : kCut,
                  std::memory_order_relaxed);
  }

 private:
  enum State : std::uint8_t { kUnknown, kWhole, kCut };

  template <class Spell>
  void merge(std::string_view piece, const Spell& spell, EncodeScratch& scratch,
             std::vector<TokenId>& out) const {
    const std::size_t from = out.size();
    spell(piece, out);
    merger_.merge(out, from, scratch.merger);
  }

  const Vocabulary* vocabulary_;
  PairMerger merger_;
  std::unique_ptr<std::atomic<std::uint8_t>[]> whole_;
};

/// A merge by the ids of its parts; equal ranks merge from the left.
struct RankedMerge {
  std::uint32_t rank;
  TokenId left, right, merged;
};
/// The merges that SentencePiece's scores amount to: every way to cut a token into two others,
/// ranked by the token's score.
std::vector<RankedMerge> scored_merges(const Vocabulary& vocabulary);

/// Adds the merges of the tokenizer's list, in its order. Errors: invalid_argument naming a merge
/// whose parts or result are no tokens.
Status add_listed_merges(const Vocabulary& vocabulary, PairMerger& merger);

}  // namespace galley::text
