#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace galley::text {

/// Byte-level BPE trained on a few lines, so that tests need no file: some merges, all bytes, and
/// the control tokens <|endoftext|> and <|im_end|>.
inline TokenizerSpec tiny_byte_bpe() {
  const std::string text =
      "the cat sat on the mat and the hat, it's the cat's mat; aaaaaaaa aaaa    \n\n"
      "나는 밥을 먹는다. 나는 물을 마신다. 밥을 먹는 고양이는 나의 고양이다.\n";
  const std::vector<std::string_view> texts(20, text);
  const std::vector<std::string> control{"<|endoftext|>", "<|im_end|>"};
  auto spec = train_byte_bpe(texts, 380, control);
  GALLEY_CHECK(spec.has_value(), "the tiny tokenizer can be trained");
  return *std::move(spec);
}

/// SentencePiece BPE over a few letters, with all bytes: "▁hello" and "▁" are made by scores.
inline TokenizerSpec tiny_sentencepiece() {
  TokenizerSpec spec;
  spec.kind = TokenizerKind::sentencepiece_bpe;
  spec.tokens = {{.text = "<unk>", .type = TokenType::unknown},
                 {.text = "<s>", .type = TokenType::control},
                 {.text = "</s>", .type = TokenType::control}};
  for (int byte = 0; byte < 256; ++byte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto high = static_cast<std::size_t>(byte / 16);
    const auto low = static_cast<std::size_t>(byte % 16);
    spec.tokens.push_back(
        {.text = std::string("<0x") + kDigits[high] + kDigits[low] + ">", .type = TokenType::byte});
  }
  float score = 0;
  for (const char* text : {"▁h", "el", "lo", "▁hel", "▁hello", "▁", "h", "e", "l", "o", "▁▁"})
    spec.tokens.push_back({.text = text, .score = --score});
  spec.unknown = 0;
  spec.bos = 1;
  spec.eos = 2;
  spec.add_bos = true;
  return spec;
}

inline TokenizerSpec tiny_unigram() {
  TokenizerSpec spec;
  spec.kind = TokenizerKind::unigram;
  spec.tokens = {{.text = "<unk>", .type = TokenType::unknown},
                 {.text = "</s>", .type = TokenType::control},
                 {.text = "▁", .score = -3},
                 {.text = "a", .score = -4},
                 {.text = "b", .score = -4},
                 {.text = "ab", .score = -5},
                 {.text = "▁ab", .score = -6},
                 {.text = "aba", .score = -9.5F}};
  spec.unknown = 0;
  spec.eos = 1;
  spec.add_eos = true;
  return spec;
}

inline TokenizerSpec tiny_wordpiece() {
  TokenizerSpec spec;
  spec.kind = TokenizerKind::wordpiece;
  spec.tokens = {{.text = "[UNK]", .type = TokenType::control},
                 {.text = "[CLS]", .type = TokenType::control},
                 {.text = "[SEP]", .type = TokenType::control},
                 {.text = "▁play"},
                 {.text = "ing"},
                 {.text = "▁cafe"},
                 {.text = "▁!"},
                 {.text = "▁中"},
                 {.text = "▁ᄒ"},
                 {.text = "ᅡ"},
                 {.text = "ᆫ"}};
  spec.unknown = 0;
  spec.bos = 1;
  spec.eos = 2;
  spec.add_bos = true;
  spec.add_eos = true;
  return spec;
}

inline Tokenizer make(TokenizerSpec spec) {
  auto tokenizer = Tokenizer::create(std::move(spec));
  GALLEY_CHECK(tokenizer.has_value(), tokenizer ? "" : tokenizer.error().message.c_str());
  return *std::move(tokenizer);
}

/// The tokens of a text as spelt in the vocabulary.
inline std::vector<std::string> spell(const Tokenizer& tokenizer, std::string_view text,
                                      Tokenizer::EncodeOptions options = {.add_special = false}) {
  std::vector<std::string> tokens;
  for (const TokenId id : tokenizer.encode(text, options))
    tokens.push_back(tokenizer.spec().tokens[static_cast<std::size_t>(id)].text);
  return tokens;
}

}  // namespace galley::text
