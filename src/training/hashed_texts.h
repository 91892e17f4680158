#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "inference/row_index.h"
#include "text/ngrams.h"
#include "training/labelled_texts.h"

namespace galley::training {

/// How texts become rows.
struct HashingOptions {
  text::NgramOptions ngrams;
  std::uint32_t buckets = 0;  // 0: the least power of two that holds every distinct n-gram of train
  std::uint32_t min_count = 1;  // n-grams that occur less often in train get no row; 1 to 255
  std::uint32_t hold_out = 20;  // one text in so many decides when to stop
  std::uint32_t threads = 1;
};

/// A data set after its only hashing: every pass of training walks these row numbers.
struct HashedTexts {
  inference::RowIndex index;
  std::vector<std::uint32_t> rows;      // of all texts, one after the other
  std::vector<std::uint64_t> offsets;   // text i owns rows[offsets[i]] … rows[offsets[i + 1] - 1]
  std::vector<std::uint32_t> train;     // positions of the texts that are learnt from
  std::vector<std::uint32_t> dev;       // and of those that decide when to stop
  std::uint64_t train_occurrences = 0;  // rows of the train texts: the tokens of one pass

  std::span<const std::uint32_t> of(std::size_t i) const {
    return std::span(rows).subspan(offsets[i], offsets[i + 1] - offsets[i]);
  }
};

/// Errors: too_large, when a text is longer than hash_ngrams reads.
Result<HashedTexts> hash_texts(const LabelledTexts& texts, const HashingOptions& options);

}  // namespace galley::training
