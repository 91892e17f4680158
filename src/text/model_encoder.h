#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pair_merger.h"
#include "text/tokenizer.h"
#include "vocabulary.h"

namespace galley::text {

/// Working memory of one encode() call, kept over its fragments.
struct EncodeScratch {
  std::vector<std::size_t> ends;
  PairMerger::Scratch merger;
  std::string spelt;
  std::string normal;
};

/// A stretch of text without special tokens: well-formed and not empty.
struct Fragment {
  std::string_view text;
  bool at_start;       // nothing stands before it
  bool after_special;  // a special token does
};

/// One kind of tokenizer: ordinary text to ids. Immutable, thread-safe.
class ModelEncoder {
 public:
  virtual ~ModelEncoder() = default;
  virtual void encode(const Fragment& fragment, EncodeScratch& scratch,
                      std::vector<TokenId>& out) const = 0;
};

using MadeEncoder = Result<std::unique_ptr<const ModelEncoder>>;

/// The vocabulary must outlive the encoder. Errors: invalid_argument naming what contradicts
/// itself; unsupported naming the pre-tokenizer.
MadeEncoder make_byte_bpe(const Vocabulary& vocabulary);
MadeEncoder make_sentencepiece_bpe(const Vocabulary& vocabulary);
MadeEncoder make_unigram(const Vocabulary& vocabulary);
MadeEncoder make_wordpiece(const Vocabulary& vocabulary);

/// True where the fragment gets the space that SentencePiece sets before texts.
bool takes_prefix(const TokenizerSpec& spec, const Fragment& fragment);

}  // namespace galley::text
