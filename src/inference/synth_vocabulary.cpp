#include "synth_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "random_weights.h"

namespace galley::inference {
namespace {

using text::Token;
using text::TokenType;

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581

/// GPT-2's letter for a byte: printable ones stand for themselves, the rest for U+0100 onward.
std::string byte_letter(unsigned byte, unsigned& next_other) {
  const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
  const unsigned point = printable ? byte : 0x100 + next_other++;
  if (point < 0x80) return {static_cast<char>(point)};
  return {static_cast<char>(0xC0U | point >> 6U), static_cast<char>(0x80U | (point & 0x3FU))};
}

std::string random_word(RandomBits& random) {
  constexpr std::string_view kLetters = "etaoinshrdlucmfwypvbgk";
  std::string word(random.below(2) == 0 ? "" : kSpace);
  for (std::size_t left = 2 + random.below(5); left > 0; --left)
    word += kLetters[random.below(kLetters.size())];
  return word;
}

}  // namespace

text::TokenizerSpec synth_sentencepiece(std::size_t size, std::uint64_t seed) {
  text::TokenizerSpec spec;
  spec.kind = text::TokenizerKind::sentencepiece_bpe;
  spec.tokens = {{"<unk>", 0, TokenType::unknown},
                 {"<s>", 0, TokenType::control},
                 {"</s>", 0, TokenType::control}};
  for (unsigned byte = 0; byte < 256; ++byte)
    spec.tokens.push_back({fmt::format("<0x{:02X}>", byte), 0, TokenType::byte});
  const std::size_t first_piece = spec.tokens.size();
  std::unordered_set<std::string> seen;
  const auto add = [&](std::string piece) {
    if (!seen.insert(piece).second) return;
    const auto rank = static_cast<float>(spec.tokens.size() - first_piece);
    spec.tokens.push_back({std::move(piece), -rank, TokenType::normal});
  };
  for (char letter = '!'; letter <= '~'; ++letter) add(std::string(1, letter));
  add(std::string(kSpace));
  RandomBits random(seed);
  while (spec.tokens.size() < size) add(random_word(random));
  spec.tokens.resize(size);
  spec.unknown = 0;
  spec.bos = 1;
  spec.eos = 2;
  spec.add_bos = true;
  return spec;
}

text::TokenizerSpec synth_byte_bpe(std::size_t size, std::uint64_t seed) {
  constexpr std::size_t kLongest = 16;  // bytes of a made-up token
  text::TokenizerSpec spec;
  spec.kind = text::TokenizerKind::byte_bpe;
  spec.pre_tokenizer = "gpt-2";
  unsigned next_other = 0;
  std::unordered_set<std::string> seen;
  for (unsigned byte = 0; byte < 256; ++byte) {
    spec.tokens.push_back({byte_letter(byte, next_other), 0, TokenType::normal});
    seen.insert(spec.tokens.back().text);
  }
  RandomBits random(seed);
  while (spec.tokens.size() + 1 < size) {
    const std::string& left = spec.tokens[random.below(spec.tokens.size())].text;
    const std::string& right = spec.tokens[random.below(spec.tokens.size())].text;
    std::string merged = left + right;
    if (merged.size() > kLongest || !seen.insert(merged).second) continue;
    spec.merges.emplace_back(left, right);
    spec.tokens.push_back({std::move(merged), 0, TokenType::normal});
  }
  spec.tokens.push_back({"<|endoftext|>", 0, TokenType::control});
  spec.bos = spec.eos = static_cast<text::TokenId>(size - 1);
  return spec;
}

}  // namespace galley::inference
