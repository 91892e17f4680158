#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::text {

using TokenId = std::int32_t;

enum class TokenizerKind : std::uint8_t {
  byte_bpe,           // GPT-2, Llama 3, Qwen2, ... (tokenizer.ggml.model "gpt2")
  sentencepiece_bpe,  // Llama 2, Mistral, TinyLlama, Phi-3 ("llama")
  unigram,            // SentencePiece unigram (arXiv:1804.10959; "t5")
  wordpiece,          // BERT ("bert")
};

/// As in GGUF's tokenizer.ggml.token_type.
enum class TokenType : std::uint8_t { normal = 1, unknown, control, user_defined, unused, byte };

struct Token {
  std::string text;  // as the vocabulary spells it (byte-level alphabet, U+2581 for spaces, ...)
  float score = 0;
  TokenType type = TokenType::normal;
  /// Of control and user_defined tokens found in text: white space beside them belongs to them.
  bool strip_left = false;
  bool strip_right = false;

  bool operator==(const Token&) const = default;
};

/// All that defines a tokenizer, whichever file it was read from.
struct TokenizerSpec {
  TokenizerKind kind = TokenizerKind::byte_bpe;
  /// Of byte_bpe: how text is cut before merging, by GGUF's name ("gpt-2", "llama-bpe", "qwen2",
  /// "starcoder", "deepseek-llm", "mpt", ...).
  std::string pre_tokenizer = "gpt-2";
  std::vector<Token> tokens;  // index = id
  /// Best first. Of byte_bpe; sentencepiece_bpe that has none merges by the tokens' scores.
  std::vector<std::pair<std::string, std::string>> merges;
  std::optional<TokenId> bos, eos, unknown, padding;
  std::vector<TokenId> end_of_turn;  // further tokens that end an answer (<|im_end|>, <|eot_id|>)
  bool add_bos = false;
  bool add_eos = false;
  bool add_space_prefix = true;  // sentencepiece_bpe, unigram: before the text and behind specials
  bool prefix_once = false;      // only before the text
  bool prefix_unless_space = false;  // not before a space
  bool merge_spaces = false;   // unigram: a run of spaces counts as one, those at the ends as none
  bool ignore_merges = false;  // Llama 3: a whole piece that is in the vocabulary is one token
  bool nfc = false;            // normalise first
  std::string char_map;        // unigram: SentencePiece's compiled normalisation, as in the file
  bool lower_case = true;      // wordpiece
  bool strip_accents = true;   // wordpiece
  /// wordpiece: each character becomes the first one of its decomposition and no mark is dropped,
  /// which is how llama.cpp reads BERT; words are then of any length. Without it: BERT's own way.
  bool first_of_decomposition = false;
  std::string chat_template;  // Jinja; empty where the model has none

  bool operator==(const TokenizerSpec&) const = default;
};

/// Text to ids and back, bit for bit as the model's own tokenizer. Immutable, thread-safe.
class Tokenizer {
 public:
  /// Errors: invalid_argument naming what contradicts itself (a merge of unknown tokens, ids past
  /// the vocabulary, no tokens); unsupported naming the pre-tokenizer.
  static Result<Tokenizer> create(TokenizerSpec spec);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  struct EncodeOptions {
    bool add_special = true;     // BOS and EOS, where the model wants them
    bool parse_special = false;  // "<|im_start|>" in the text is the control token, not its letters
  };
  /// Any bytes are accepted: invalid UTF-8 is read as U+FFFD, one for each maximal subpart. Time is
  /// O(n log n) whatever the text, also for one long run of letters. Special tokens are looked for
  /// from the left, the longest first.
  std::vector<TokenId> encode(std::string_view text, EncodeOptions options) const;
  std::vector<TokenId> encode(std::string_view text) const { return encode(text, {}); }

  /// The bytes of one token in running text; empty for control tokens unless `special`. Bytes, not
  /// characters: a token may hold part of one.
  std::string_view bytes_of(TokenId token, bool special = false) const;
  /// The text of all of them, U+FFFD for bytes that form no character; the leading space that
  /// sentencepiece added is taken off again.
  std::string decode(std::span<const TokenId> tokens, bool special = false) const;

  std::size_t size() const;
  const TokenizerSpec& spec() const;
  std::optional<TokenId> find(std::string_view token_text) const;  // as spelt in the vocabulary
  /// True for eos and the end_of_turn tokens.
  bool ends_answer(TokenId token) const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// Tokens that arrive one by one to text that may be sent at once: never part of a character. Bytes
/// that can no longer become one are given as U+FFFD, one for each maximal subpart. What it gives
/// in all equals decode(). One for each answer; not thread-safe.
class Detokenizer {
 public:
  /// Whether the tokens begin a text (a leading space that sentencepiece added is taken off) or go
  /// on with one (it belongs to them, as in the completion of a prompt).
  enum class From : std::uint8_t { start, middle };

  explicit Detokenizer(const Tokenizer& tokenizer, bool special = false, From from = From::start);
  /// The text that this token completes; empty while a character is incomplete.
  std::string add(TokenId token);
  /// What is left at the end of the answer.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool special_;
  bool at_start_;  // no text yet, and a leading space is to be taken off
  std::string pending_;
};

/// True for the names that public models give to a token that ends an answer ("<|im_end|>", ...).
bool ends_turn(std::string_view token_text);

/// A Hugging Face tokenizer.json, with what tokenizer_config.json says (may be empty): special
/// tokens, add_bos_token, chat_template. Errors: corrupt (no JSON, naming where), unsupported
/// (naming the model, normalizer or pre-tokenizer type), too_large.
Result<TokenizerSpec> parse_tokenizer_json(std::string_view tokenizer_json,
                                           std::string_view tokenizer_config_json);
/// The inverse, for tokenizers that we train: readable by Hugging Face's library.
std::string print_tokenizer_json(const TokenizerSpec& spec);

/// Byte-level BPE trained on text (arXiv:1508.07909 over bytes, GPT-2's pre-tokenizer): at most
/// `size` tokens, of which 256 are bytes and the last are `control`. Deterministic.
Result<TokenizerSpec> train_byte_bpe(std::span<const std::string_view> texts, std::size_t size,
                                     std::span<const std::string> control);

}  // namespace galley::text
