#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "serving/text_engine.h"
#include "text/tokenizer.h"

namespace galley::openai {

/// `out` += the text as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Characters (code points) of UTF-8 text.
std::size_t count_characters(std::string_view text);

/// The logprobs of one answer in the form of /v1/completions: four lists side by side. `offset` is
/// where the first token begins, in characters of prompt and answer.
class CompletionLogprobs {
 public:
  CompletionLogprobs(const text::Tokenizer& tokenizer, std::size_t alternatives, std::size_t offset)
      : tokenizer_(&tokenizer), alternatives_(alternatives), offset_(offset) {}
  void add(std::span<const serving::TokenInfo> tokens);
  /// The tokens of a prompt that is echoed. The first has no probability: nothing stands before it.
  void add_prompt(std::span<const serving::TokenInfo> tokens);
  bool empty() const { return tokens_.empty(); }
  /// {"tokens": […], "token_logprobs": […], "top_logprobs": […], "text_offset": […]} of what was
  /// added since the last call.
  std::string take();

 private:
  void add_token(text::TokenId token);

  const text::Tokenizer* tokenizer_;
  std::size_t alternatives_;
  std::size_t offset_;
  std::string tokens_, logprobs_, top_, offsets_;
};

/// Likewise in the form of /v1/chat/completions: {"content": [{token, logprob, bytes,
/// top_logprobs}], "refusal": null}.
class ChatLogprobs {
 public:
  ChatLogprobs(const text::Tokenizer& tokenizer, std::size_t alternatives)
      : tokenizer_(&tokenizer), alternatives_(alternatives) {}
  void add(std::span<const serving::TokenInfo> tokens);
  bool empty() const { return content_.empty(); }
  std::string take();

 private:
  const text::Tokenizer* tokenizer_;
  std::size_t alternatives_;
  std::string content_;
};

/// The logprobs of a prompt as vLLM prints them: [null, {"ID": {"logprob": …, "decoded_token": …}},
/// …] with the alternatives of each.
std::string print_prompt_logprobs(const text::Tokenizer& tokenizer,
                                  std::span<const serving::TokenInfo> tokens);

}  // namespace galley::openai
