#include <algorithm>
#include <limits>

#include "byte_trie.h"
#include "char_map.h"
#include "model_encoder.h"
#include "utf8.h"

namespace galley::text {
namespace {

/// An unknown character scores this much below the worst token.
constexpr double kUnknownPenalty = 10;

/// SentencePiece's unigram model (arXiv:1804.10959): the cut into tokens of the highest sum of
/// scores, found by Viterbi's algorithm; of equal ones the one found first.
class UnigramEncoder final : public ModelEncoder {
 public:
  UnigramEncoder(const Vocabulary& vocabulary, CharMap char_map)
      : vocabulary_(vocabulary), char_map_(std::move(char_map)) {
    std::vector<std::pair<std::string_view, std::int32_t>> pieces;
    double worst = std::numeric_limits<double>::max();
    for (TokenId id = 0; vocabulary.holds(id); ++id) {
      const Token& token = vocabulary.token(id);
      if (vocabulary.find_piece(token.text) != id) continue;
      pieces.emplace_back(token.text, id);
      worst = std::min(worst, double{token.score});
    }
    trie_ = ByteTrie(pieces);
    unknown_score_ = pieces.empty() ? 0 : worst - kUnknownPenalty;
  }

  void encode(const Fragment& fragment, EncodeScratch& scratch,
              std::vector<TokenId>& out) const override {
    spell(fragment, scratch);
    const std::string_view text = scratch.spelt;
    const std::vector<Step> best = search(text);
    const std::size_t from = out.size();
    bool after_unknown = false;
    for (std::size_t at = text.size(); at > 0; at = best[at].from) {
      const Step& step = best[at];
      const bool unknown = step.token == kUnknown;
      if (!unknown) out.push_back(step.token);
      if (unknown) push_unknown(text.substr(step.from, at - step.from), after_unknown, out);
      after_unknown = unknown;
    }
    std::reverse(out.begin() + static_cast<std::ptrdiff_t>(from), out.end());
  }

 private:
  static constexpr TokenId kUnknown = -1;

  /// The best way to reach a place in the text.
  struct Step {
    double score = -std::numeric_limits<double>::infinity();
    std::size_t from = 0;
    TokenId token = kUnknown;
  };

  /// The normalised text, spaces spelt U+2581, into scratch.spelt.
  void spell(const Fragment& fragment, EncodeScratch& scratch) const {
    const TokenizerSpec& spec = vocabulary_.spec();
    std::string_view text = fragment.text;
    std::string composed;
    if (spec.nfc) text = normal_form_c(text, composed);
    char_map_.apply(text, scratch.normal);
    scratch.spelt.clear();
    bool prefix = takes_prefix(spec, fragment);
    bool in_word = false;
    for (const char c : scratch.normal) {
      if (c == ' ') {
        in_word = false;
        if (!spec.merge_spaces) scratch.spelt += kSpaceMark;
        continue;
      }
      if (!in_word && (prefix || (spec.merge_spaces && !scratch.spelt.empty()))) {
        scratch.spelt += kSpaceMark;
        prefix = false;
      }
      in_word = true;
      scratch.spelt += c;
    }
  }

  std::vector<Step> search(std::string_view text) const {
    std::vector<Step> best(text.size() + 1);
    best[0].score = 0;
    const auto offer = [&best](std::size_t at, const Step& step) {
      if (step.score > best[at].score) best[at] = step;
    };
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = read_char(text.data() + at).size;
      bool whole_char = false;
      ByteTrie::Node node = ByteTrie::kRoot;
      for (std::size_t end = at; end < text.size();) {
        node = trie_.step(node, text[end++]);
        if (node == ByteTrie::kNoNode) break;
        const TokenId token = trie_.value(node);
        if (token == ByteTrie::kNone) continue;
        whole_char |= end - at == size;
        offer(end, {best[at].score + double{vocabulary_.token(token).score}, at, token});
      }
      if (!whole_char) offer(at + size, {best[at].score + unknown_score_, at, kUnknown});
      at += size;
    }
    return best;
  }

  /// Backwards, as encode() walks: the bytes of the characters, else one token for the whole run.
  void push_unknown(std::string_view bytes, bool after_unknown, std::vector<TokenId>& out) const {
    const bool spelt = std::ranges::all_of(bytes, [this](char c) {
      return vocabulary_.byte_token(static_cast<unsigned char>(c)) != StringTable::kNone;
    });
    if (spelt) {
      for (auto c = bytes.rbegin(); c != bytes.rend(); ++c)
        out.push_back(vocabulary_.byte_token(static_cast<unsigned char>(*c)));
    } else if (!after_unknown) {
      out.push_back(*vocabulary_.spec().unknown);
    }
  }

  const Vocabulary& vocabulary_;
  CharMap char_map_;
  ByteTrie trie_;
  double unknown_score_ = 0;
};

}  // namespace

MadeEncoder make_unigram(const Vocabulary& vocabulary) {
  if (!vocabulary.spec().unknown)
    return Error{Errc::invalid_argument, "a unigram tokenizer needs an unknown token", "unknown"};
  GALLEY_TRY(auto char_map, CharMap::parse(vocabulary.spec().char_map));
  return std::unique_ptr<const ModelEncoder>(
      std::make_unique<UnigramEncoder>(vocabulary, std::move(char_map)));
}

}  // namespace galley::text
