#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/text_engine.h"
#include "token_text.h"

namespace galley::openai {

/// How the answer to one request is printed.
struct AnswerStyle {
  bool chat = false;
  std::string id;
  std::int64_t created_s = 0;
  std::string model;
  std::string fingerprint;
  const text::Tokenizer* tokenizer = nullptr;
  std::optional<std::size_t> alternatives;  // of logprobs; nothing: no logprobs
  bool tools = false;                       // calls are looked for
  bool include_usage = false;               // of streams
  std::string restart;
  std::uint32_t n = 1;
  std::vector<std::string> echoes;   // the text of each prompt; empty: not echoed
  std::vector<std::size_t> offsets;  // characters of each prompt, for text_offset
  bool prompt_logprobs = false;      // printed beside the answer
  bool both = false;                 // requests come in pairs: greedy, then sampled
  bool choose = false;               // of each pair only the likelier is printed
};

using Usage = serving::GenerationEvent::Usage;

/// `sum` += `more`; times are those of the slowest.
void add_usage(Usage& sum, const Usage& more);
/// {"prompt_tokens": …, "completion_tokens": …, "total_tokens": …, details}.
std::string print_usage(const Usage& usage);
/// {"queue_ms": …, "first_token_ms": …, "total_ms": …}.
std::string print_timings(const Usage& usage);
std::string_view name_of(serving::FinishReason reason);
/// `{"id":…,"object":…,"created":…,"model":…,"system_fingerprint":…`, to be gone on with.
std::string print_head(const AnswerStyle& style, std::string_view object);
/// `"stop_reason":…,"restart":…,` where they are.
std::string print_end_notes(const AnswerStyle& style, const serving::GenerationEvent& event);

/// How likely the model finds an answer: the mean over its tokens. With AnswerStyle::both.
class Likelihood {
 public:
  void add(const std::vector<serving::TokenInfo>& tokens);
  /// Of an empty answer 0, the highest there is: the model was sure to say nothing.
  double mean() const { return tokens_ == 0 ? 0 : sum_ / static_cast<double>(tokens_); }

 private:
  double sum_ = 0;
  std::size_t tokens_ = 0;
};
/// `"decoding":…,"mean_logprob":…,` of the choice where answers come in pairs, else nothing.
std::string print_decoding(const AnswerStyle& style, std::size_t request, double mean_logprob);
/// What the request cost besides those before it: the second of a pair shares its prompt.
Usage usage_of(const AnswerStyle& style, std::size_t request,
               const serving::GenerationEvent& event);

/// Takes what the engine tells of the prompts of one request. Called on the engine's thread.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void take(std::size_t prompt, const serving::GenerationEvent& event) = 0;
};

/// Gathers everything and prints one document at the end.
class WholeAnswer final : public Sink {
 public:
  /// `done` once, on the engine's thread: the document, or why there is none.
  WholeAnswer(AnswerStyle style, std::size_t prompts,
              std::function<void(Result<std::string>)> done);
  void take(std::size_t prompt, const serving::GenerationEvent& event) override;

 private:
  struct Choice {
    std::string text;
    std::optional<CompletionLogprobs> completion_logprobs;
    std::optional<ChatLogprobs> chat_logprobs;
    std::string prompt_logprobs;
    Likelihood likelihood;
    serving::GenerationEvent end;
  };
  void take_prompt(std::size_t prompt, const std::vector<serving::TokenInfo>& tokens);
  bool is_chosen(std::size_t index) const;
  void print_message(std::string& out, Choice& choice) const;
  std::string print();

  const AnswerStyle style_;
  const std::function<void(Result<std::string>)> done_;
  std::mutex
      mutex_;  // guards all below; engines of one request share a thread, but not by contract
  std::vector<Choice> choices_;
  std::size_t unfinished_;
  Usage usage_{};
  std::optional<Error> error_;
};

}  // namespace galley::openai
