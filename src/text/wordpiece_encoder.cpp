#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "byte_trie.h"
#include "char_class.h"
#include "model_encoder.h"
#include "utf8.h"

namespace galley::text {
namespace {

/// The ideographs that BERT sets apart. One block is missing from the range of extension E (2B820
/// to 2B91F), as in the tokenizers that the models were trained with.
bool is_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool is_control(char32_t c) {
  if (c < 0x80) return c < 0x20 || c == 0x7F;
  const auto category = u_charType(static_cast<UChar32>(c));
  return category == U_CONTROL_CHAR || category == U_FORMAT_CHAR ||
         category == U_PRIVATE_USE_CHAR || category == U_SURROGATE;
}

/// BERT's tokenizer (arXiv:1810.04805): words, then of each the longest known start, again and
/// again; a word that cannot be made up of tokens is one unknown token. A word begins with U+2581
/// here, as in GGUF; Hugging Face marks what follows with ## instead.
class WordPieceEncoder final : public ModelEncoder {
 public:
  explicit WordPieceEncoder(const Vocabulary& vocabulary, const icu::Normalizer2& nfd)
      : vocabulary_(vocabulary), nfd_(nfd), classes_(CharClasses::get()) {
    std::vector<std::pair<std::string_view, std::int32_t>> all;
    std::vector<std::pair<std::string_view, std::int32_t>> rest;
    for (TokenId id = 0; vocabulary.holds(id); ++id) {
      const std::string_view text = vocabulary.token(id).text;
      if (vocabulary.find_piece(text) != id) continue;
      all.emplace_back(text, id);
      // A U+2581 in the text itself begins no word. llama.cpp does not tell the two apart.
      if (!text.starts_with(kSpaceMark) || vocabulary.spec().first_of_decomposition)
        rest.emplace_back(text, id);
    }
    starts_ = ByteTrie(all);
    rest_ = ByteTrie(rest);
  }

  void encode(const Fragment& fragment, EncodeScratch& scratch,
              std::vector<TokenId>& out) const override {
    const TokenizerSpec& spec = vocabulary_.spec();
    std::string& word = scratch.spelt;
    std::size_t chars = 0;
    word = kSpaceMark;
    const auto finish = [&] {
      if (chars > 0) encode_word(word, chars, out);
      word = kSpaceMark;
      chars = 0;
    };
    const auto take = [&](char32_t c) {
      append_utf8(c, word);
      ++chars;
    };
    for (std::size_t at = 0; at < fragment.text.size();) {
      const Utf8Char read = read_char(fragment.text.data() + at);
      at += read.size;
      const char32_t c = read.code_point;
      const bool control = c == 0xFFFD || is_control(c);
      // BERT takes controls away first, also those that are white space, such as U+0085.
      const bool kept = c == '\t' || c == '\n' || c == '\r' || spec.first_of_decomposition;
      if ((classes_.of(c) & kSpace) != 0 && (kept || !control)) {
        finish();
      } else if (control) {
        continue;
      } else if (is_ideograph(c)) {
        finish();
        normalise(c, take);
        finish();
      } else {
        normalise(c, [&](char32_t normal) {
          if (!stands_alone(normal)) return take(normal);
          finish();
          take(normal);
          finish();
        });
      }
    }
    finish();
  }

 private:
  /// Longer words are not looked at by BERT.
  static constexpr std::size_t kMaxWordChars = 100;

  bool stands_alone(char32_t c) const {
    const std::uint8_t bits = classes_.of(c);
    return (bits & kPunctuation) != 0 || (c < 0x80 && (bits & kSymbol) != 0) || is_ideograph(c);
  }

  /// Gives give() the characters that stand for c.
  template <class Give>
  void normalise(char32_t c, Give&& give) const {
    const TokenizerSpec& spec = vocabulary_.spec();
    const auto lower = [&](char32_t each) {
      return spec.lower_case ? static_cast<char32_t>(u_tolower(static_cast<UChar32>(each))) : each;
    };
    icu::UnicodeString decomposed;
    const bool changes = (spec.strip_accents || spec.first_of_decomposition) && c >= 0xC0 &&
                         nfd_.getDecomposition(static_cast<UChar32>(c), decomposed) != 0;
    if (!changes) {
      if (!drops(c)) give(lower(c));
      return;
    }
    for (std::int32_t i = 0; i < decomposed.length(); i = decomposed.moveIndex32(i, 1)) {
      const auto part = static_cast<char32_t>(decomposed.char32At(i));
      if (!drops(part)) give(lower(part));
      if (spec.first_of_decomposition) return;
    }
  }

  bool drops(char32_t c) const {
    const TokenizerSpec& spec = vocabulary_.spec();
    return spec.strip_accents && !spec.first_of_decomposition && c >= 0x300 &&
           u_charType(static_cast<UChar32>(c)) == U_NON_SPACING_MARK;
  }

  void encode_word(std::string_view word, std::size_t chars, std::vector<TokenId>& out) const {
    const std::size_t from = out.size();
    if (chars <= kMaxWordChars || vocabulary_.spec().first_of_decomposition) {
      for (std::string_view rest = word;;) {
        const bool at_start = rest.size() == word.size();
        const ByteTrie::Found found = (at_start ? starts_ : rest_).longest(rest);
        if (found.size == 0) break;
        out.push_back(found.value);
        rest.remove_prefix(found.size);
        if (rest.empty()) return;
      }
    }
    out.resize(from);
    out.push_back(*vocabulary_.spec().unknown);
  }

  const Vocabulary& vocabulary_;
  const icu::Normalizer2& nfd_;
  const CharClasses& classes_;
  ByteTrie starts_;
  ByteTrie rest_;
};

}  // namespace

MadeEncoder make_wordpiece(const Vocabulary& vocabulary) {
  if (!vocabulary.spec().unknown)
    return Error{Errc::invalid_argument, "a WordPiece tokenizer needs an unknown token", "unknown"};
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* nfd = icu::Normalizer2::getNFDInstance(code);
  if (U_FAILURE(code))
    return Error{Errc::internal, std::string("ICU cannot decompose: ") + u_errorName(code)};
  return std::unique_ptr<const ModelEncoder>(std::make_unique<WordPieceEncoder>(vocabulary, *nfd));
}

}  // namespace galley::text
