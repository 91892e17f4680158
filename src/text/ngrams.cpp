#include "text/ngrams.h"

#include <algorithm>
#include <span>
#include <string>

#include "text/code_points.h"

namespace galley::text {
namespace {

constexpr std::uint64_t kCharSeed = 0x243F6A8885A308D3U;  // digits of pi: no structure, no choice
constexpr std::uint64_t kWordSeed = 0x13198A2E03707344U;
constexpr std::uint64_t kWordsSeed = 0xA4093822299F31D0U;
constexpr std::uint64_t kTailSeed = 0x082EFA98EC4E6C89U;
constexpr std::size_t kTailLongest = 4;
constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15U;  // 2^64 / golden ratio
constexpr std::uint64_t kOdd2 = 0xD6E8FEB86659FD93U;

/// Appends one symbol to a rolling hash. Two multiplications and a shift: enough, since finish()
/// mixes again and a stray collision only merges two features.
std::uint64_t extend(std::uint64_t hash, std::uint64_t symbol) {
  hash = (hash ^ (symbol * kOdd)) * kOdd2;
  return hash ^ (hash >> 32);
}

std::uint32_t finish(std::uint64_t hash) {
  hash *= kOdd;
  return static_cast<std::uint32_t>(hash >> 32);
}

/// Folds case and white space in place and frames the text with spaces.
void tidy(std::vector<char32_t>& code_points, bool fold) {
  std::size_t kept = 0;
  bool after_space = true;
  for (const char32_t c : code_points) {
    const bool space = is_white_space(c);
    if (space && after_space) continue;
    code_points[kept++] = space ? U' ' : (fold ? fold_case(c) : c);
    after_space = space;
  }
  if (kept > 0 && code_points[kept - 1] == U' ') --kept;
  code_points.resize(kept);
  if (kept == 0) return;
  code_points.insert(code_points.begin(), U' ');
  code_points.push_back(U' ');
}

struct Lengths {
  std::size_t shortest = 1;
  std::size_t longest = 1;
};

void hash_chars(std::span<const char32_t> text, std::uint64_t seed, Lengths lengths,
                std::vector<std::uint32_t>& out) {
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    const std::size_t longest = std::min(lengths.longest, text.size() - begin);
    std::uint64_t hash = seed;
    for (std::size_t n = 1; n <= longest; ++n) {
      hash = extend(hash, text[begin + n - 1]);
      if (n < lengths.shortest || (n == 1 && text[begin] == U' ')) continue;
      out.push_back(finish(hash));
    }
  }
}

/// The last characters of the framed text, whose final space is not counted.
std::span<const char32_t> tail_of(std::span<const char32_t> text, std::size_t characters) {
  return text.last(std::min(text.size(), characters + 1));
}

void hash_words(const std::vector<char32_t>& text, const NgramOptions& options,
                std::vector<std::uint64_t>& words, std::vector<std::uint32_t>& out) {
  words.clear();
  std::uint64_t word = kWordSeed;
  for (std::size_t i = 1; i < text.size(); ++i) {  // the text begins and ends with a space
    if (text[i] != U' ') {
      word = extend(word, text[i]);
      continue;
    }
    words.push_back(word);
    word = kWordSeed;
  }
  for (std::size_t begin = 0; begin < words.size(); ++begin) {
    const std::size_t longest = std::min<std::size_t>(options.word_max, words.size() - begin);
    std::uint64_t hash = kWordsSeed;
    for (std::size_t n = 1; n <= longest; ++n) {
      hash = extend(hash, words[begin + n - 1]);
      out.push_back(finish(hash));
    }
  }
}

}  // namespace

Status check(const NgramOptions& options) {
  if (options.char_max > kMaxNgram || options.word_max > kMaxNgram)
    return Error{Errc::invalid_argument, "n-grams are longer than " + std::to_string(kMaxNgram),
                 options.char_max > kMaxNgram ? "char_max" : "word_max",
                 "0 to " + std::to_string(kMaxNgram)};
  if (options.tail_chars > kMaxTail)
    return Error{Errc::invalid_argument,
                 "the tail of " + std::to_string(options.tail_chars) + " characters is too long",
                 "tail_chars", "0 to " + std::to_string(kMaxTail)};
  if (options.char_max > 0 && (options.char_min < 1 || options.char_min > options.char_max))
    return Error{Errc::invalid_argument,
                 "the shortest character n-gram (" + std::to_string(options.char_min) +
                     ") is not between 1 and the longest (" + std::to_string(options.char_max) +
                     ")",
                 "char_min"};
  if (options.char_max == 0 && options.word_max == 0)
    return Error{Errc::invalid_argument, "neither character nor word n-grams are asked for",
                 "char_max"};
  return ok();
}

Status hash_ngrams(std::string_view text, const NgramOptions& options, NgramScratch& scratch,
                   std::vector<std::uint32_t>& out) {
  out.clear();
  if (text.size() > kMaxTextBytes)
    return Error{Errc::too_large, "the text has " + std::to_string(text.size()) +
                                      " bytes; at most " + std::to_string(kMaxTextBytes) +
                                      " are read"};
  GALLEY_TRY_STATUS(decode_nfc(text, scratch.code_points));
  tidy(scratch.code_points, options.fold_case);
  const std::span<const char32_t> framed = scratch.code_points;
  hash_chars(framed, kCharSeed, {options.char_min, options.char_max}, out);
  if (options.tail_chars > 0)
    hash_chars(tail_of(framed, options.tail_chars), kTailSeed, {1, kTailLongest}, out);
  if (options.word_max > 0) hash_words(scratch.code_points, options, scratch.word_hashes, out);
  return ok();
}

}  // namespace galley::text
