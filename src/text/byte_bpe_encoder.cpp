#include <fmt/format.h>

#include "model_encoder.h"
#include "piece_encoder.h"
#include "pre_tokenizer.h"
#include "utf8.h"

namespace galley::text {
namespace {

class ByteBpeEncoder final : public ModelEncoder {
 public:
  ByteBpeEncoder(const Vocabulary& vocabulary, PreTokenizer pre_tokenizer)
      : vocabulary_(vocabulary), pre_tokenizer_(pre_tokenizer), pieces_(vocabulary) {}

  Status add_merges() { return add_listed_merges(vocabulary_, pieces_.merger()); }

  void encode(const Fragment& fragment, EncodeScratch& scratch,
              std::vector<TokenId>& out) const override {
    std::string_view text = fragment.text;
    if (vocabulary_.spec().nfc) text = normal_form_c(text, scratch.normal);
    scratch.ends.clear();
    pre_tokenizer_.split(text, scratch.ends);
    const auto spell = [this](std::string_view piece, std::vector<TokenId>& symbols) {
      spell_bytes(piece, symbols);
    };
    std::size_t begin = 0;
    for (const std::size_t end : scratch.ends) {
      pieces_.encode(text.substr(begin, end - begin), spell, scratch, out);
      begin = end;
    }
  }

 private:
  /// A byte that the vocabulary lacks becomes the unknown token, or nothing where that is lacking
  /// too.
  void spell_bytes(std::string_view piece, std::vector<TokenId>& symbols) const {
    for (const char c : piece) {
      const TokenId byte = vocabulary_.byte_token(static_cast<unsigned char>(c));
      if (byte != StringTable::kNone)
        symbols.push_back(byte);
      else if (vocabulary_.spec().unknown)
        symbols.push_back(*vocabulary_.spec().unknown);
    }
  }

  const Vocabulary& vocabulary_;
  PreTokenizer pre_tokenizer_;
  PieceEncoder pieces_;
};

}  // namespace

Status add_listed_merges(const Vocabulary& vocabulary, PairMerger& merger) {
  const auto& merges = vocabulary.spec().merges;
  std::string both;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    both = left;
    both += right;
    const TokenId left_id = vocabulary.find(left);
    const TokenId right_id = vocabulary.find(right);
    const TokenId merged = vocabulary.find(both);
    if (left_id == StringTable::kNone || right_id == StringTable::kNone ||
        merged == StringTable::kNone)
      return Error{Errc::invalid_argument,
                   fmt::format("merge {} of the tokenizer joins '{}' and '{}' to '{}', but '{}' is "
                               "not one of its {} tokens",
                               rank, left, right, both,
                               left_id == StringTable::kNone    ? left
                               : right_id == StringTable::kNone ? right
                                                                : both,
                               vocabulary.size()),
                   "merges"};
    merger.add(left_id, right_id, static_cast<std::uint32_t>(rank), merged);
  }
  return ok();
}

MadeEncoder make_byte_bpe(const Vocabulary& vocabulary) {
  GALLEY_TRY(auto pre_tokenizer, PreTokenizer::find(vocabulary.spec().pre_tokenizer));
  auto encoder = std::make_unique<ByteBpeEncoder>(vocabulary, pre_tokenizer);
  GALLEY_TRY_STATUS(encoder->add_merges());
  return std::unique_ptr<const ModelEncoder>(std::move(encoder));
}

}  // namespace galley::text
