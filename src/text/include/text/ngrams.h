#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::text {

/// The name of the scheme below, kept in every model: a model trained under another name must be
/// refused, since its rows would mean something else.
inline constexpr std::string_view kNgramScheme = "galley-ngrams-1";

/// Longer texts are refused: a request must not hold a core for long, nor grow a thread's scratch.
inline constexpr std::size_t kMaxTextBytes = 1U << 20;

/// Which n-grams of a text become features. A range whose maximum is 0 is off.
struct NgramOptions {
  std::uint32_t char_min = 1;  // code points; 1 <= char_min <= char_max when char_max > 0
  std::uint32_t char_max = 5;
  std::uint32_t word_max = 1;  // words are what white space separates; n-grams of 1..word_max words
  /// N-grams of 1 to 4 characters within the last so many are features of their own too: many
  /// languages put the verdict last (on Korean reviews worth 0.15 point). 0: off.
  std::uint32_t tail_chars = 8;
  bool fold_case = true;

  bool operator==(const NgramOptions&) const = default;
};

/// Longest n-gram that options may ask for.
inline constexpr std::uint32_t kMaxNgram = 16;
inline constexpr std::uint32_t kMaxTail = 256;

/// Errors: invalid_argument, naming the field.
Status check(const NgramOptions& options);

/// Working memory of hash_ngrams, kept by the caller so that no call allocates once warm.
struct NgramScratch {
  std::vector<char32_t> code_points;
  std::vector<std::uint64_t> word_hashes;
};

/// Replaces `out` by the 32-bit hash of every n-gram occurrence of the text:
/// characters first, then those of the tail, then words. A model's bucket is `hash & (buckets -
/// 1)`.
///
/// The text is put into NFC, case-folded if asked, white-space runs become one space, and one space
/// is set before and after it, so that n-grams see where words begin and end. A space alone is not
/// a unigram. Equal n-grams give equal hashes on every machine. (Hashed n-grams: Weinberger et al.
/// 2009; character n-grams beside words: Bojanowski et al. 2017, arXiv:1607.04606.)
///
/// Thread-safe. About 2 ns an n-gram. `options` must have passed check().
/// Errors: invalid_argument (not UTF-8), too_large (past kMaxTextBytes).
Status hash_ngrams(std::string_view text, const NgramOptions& options, NgramScratch& scratch,
                   std::vector<std::uint32_t>& out);

}  // namespace galley::text
