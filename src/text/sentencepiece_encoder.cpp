#include <algorithm>
#include <functional>

#include "model_encoder.h"
#include "piece_encoder.h"
#include "utf8.h"

namespace galley::text {
namespace {

/// SentencePiece's BPE: merges over characters, spaces spelt U+2581, bytes for what is not in the
/// vocabulary.
class SentencePieceEncoder final : public ModelEncoder {
 public:
  explicit SentencePieceEncoder(const Vocabulary& vocabulary)
      : vocabulary_(vocabulary), pieces_(vocabulary), words_apart_(are_words_apart(vocabulary)) {}

  Status add_merges() {
    if (!vocabulary_.spec().merges.empty()) return add_listed_merges(vocabulary_, pieces_.merger());
    for (const RankedMerge& merge : scored_merges(vocabulary_))
      pieces_.merger().add(merge.left, merge.right, merge.rank, merge.merged);
    return ok();
  }

  void encode(const Fragment& fragment, EncodeScratch& scratch,
              std::vector<TokenId>& out) const override {
    std::string_view text = fragment.text;
    if (vocabulary_.spec().nfc) text = normal_form_c(text, scratch.normal);
    std::string& spelt = scratch.spelt;
    spelt.clear();
    if (takes_prefix(vocabulary_.spec(), fragment)) spelt += kSpaceMark;
    while (true) {
      const std::size_t space = text.find(' ');
      spelt += text.substr(0, space);
      if (space == std::string_view::npos) break;
      spelt += kSpaceMark;
      text.remove_prefix(space + 1);
    }
    const auto spell = [this](std::string_view piece, std::vector<TokenId>& symbols) {
      spell_chars(piece, symbols);
    };
    std::string_view rest = spelt;
    while (!rest.empty()) {
      const std::size_t size = words_apart_ ? word_size(rest) : rest.size();
      pieces_.encode(rest.substr(0, size), spell, scratch, out);
      rest.remove_prefix(size);
    }
  }

 private:
  /// True where no token holds a space behind another character, so that no merge can cross the
  /// start of a word and each may be encoded on its own with the same outcome.
  static bool are_words_apart(const Vocabulary& vocabulary) {
    return std::ranges::all_of(vocabulary.spec().tokens, [](const Token& token) {
      if (token.type != TokenType::normal && token.type != TokenType::unused) return true;
      const std::string_view text = token.text;
      return word_size(text) == text.size();
    });
  }

  /// Up to the first space mark that follows another character.
  static std::size_t word_size(std::string_view text) {
    std::size_t at = 0;
    while (text.substr(at).starts_with(kSpaceMark)) at += kSpaceMark.size();
    return std::min(text.find(kSpaceMark, at), text.size());
  }

  void spell_chars(std::string_view piece, std::vector<TokenId>& symbols) const {
    bool after_unknown = false;
    while (!piece.empty()) {
      const std::size_t size = read_char(piece.data()).size;
      const TokenId token = vocabulary_.find_piece(piece.substr(0, size));
      const bool unknown =
          token == StringTable::kNone && !spell_bytes(piece.substr(0, size), symbols);
      if (token != StringTable::kNone) symbols.push_back(token);
      // A run of unknown characters is one unknown token.
      if (unknown && !after_unknown && vocabulary_.spec().unknown)
        symbols.push_back(*vocabulary_.spec().unknown);
      after_unknown = unknown;
      piece.remove_prefix(size);
    }
  }

  /// False, and nothing added, where a byte has no token.
  bool spell_bytes(std::string_view bytes, std::vector<TokenId>& symbols) const {
    const std::size_t before = symbols.size();
    for (const char c : bytes) {
      const TokenId byte = vocabulary_.byte_token(static_cast<unsigned char>(c));
      if (byte == StringTable::kNone) {
        symbols.resize(before);
        return false;
      }
      symbols.push_back(byte);
    }
    return true;
  }

  const Vocabulary& vocabulary_;
  PieceEncoder pieces_;
  bool words_apart_;
};

}  // namespace

bool takes_prefix(const TokenizerSpec& spec, const Fragment& fragment) {
  if (!spec.add_space_prefix) return false;
  if (spec.prefix_unless_space &&
      (fragment.text.front() == ' ' || fragment.text.starts_with(kSpaceMark)))
    return false;
  return fragment.at_start || (fragment.after_special && !spec.prefix_once);
}

std::vector<RankedMerge> scored_merges(const Vocabulary& vocabulary) {
  std::vector<float> scores;
  for (const Token& token : vocabulary.spec().tokens) scores.push_back(token.score);
  std::ranges::sort(scores, std::greater<>());
  scores.erase(std::ranges::unique(scores).begin(), scores.end());
  std::vector<RankedMerge> merges;
  for (TokenId id = 0; vocabulary.holds(id); ++id) {
    const Token& token = vocabulary.token(id);
    const std::string_view text = token.text;
    if (vocabulary.find_piece(text) != id) continue;
    const auto rank = static_cast<std::uint32_t>(
        std::ranges::lower_bound(scores, token.score, std::greater<>()) - scores.begin());
    for (std::size_t cut = scan_char(text).size; cut < text.size();
         cut += scan_char(text.substr(cut)).size) {
      const TokenId left = vocabulary.find_piece(text.substr(0, cut));
      const TokenId right = vocabulary.find_piece(text.substr(cut));
      if (left != StringTable::kNone && right != StringTable::kNone)
        merges.push_back({rank, left, right, id});
    }
  }
  return merges;
}

MadeEncoder make_sentencepiece_bpe(const Vocabulary& vocabulary) {
  auto encoder = std::make_unique<SentencePieceEncoder>(vocabulary);
  GALLEY_TRY_STATUS(encoder->add_merges());
  return std::unique_ptr<const ModelEncoder>(std::move(encoder));
}

}  // namespace galley::text
