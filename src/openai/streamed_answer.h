#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "answer.h"
#include "base/clock.h"
#include "http/server.h"
#include "tool_calls.h"

namespace galley::openai {

/// How long a reader may take nothing while its buffers are full.
inline constexpr Millis kStallTime{10'000};
/// What waits besides the stream's own buffer before a stalled reader is given up at once.
inline constexpr std::size_t kStallBytes = 1 << 20;

/// A body of server-sent events whose reader may be slow. Never blocks: what the stream does not
/// take waits here, and a reader that is too far behind is given up. Thread-safe.
class EventWriter {
 public:
  /// `give_up` once, on the thread that wrote, when the reader has not kept up.
  EventWriter(const Clock& clock, std::function<void()> give_up)
      : clock_(clock), give_up_(std::move(give_up)) {}
  void attach(http::Stream stream);
  void write(std::string_view data);  // one event
  void finish();
  /// Sends what waits, when the stream has room again.
  void flush();

 private:
  bool flush_locked();

  const Clock& clock_;
  const std::function<void()> give_up_;
  std::mutex mutex_;  // guards all below
  std::optional<http::Stream> stream_;
  std::string waiting_;
  std::optional<Instant> full_since_;
  bool finished_ = false;
  bool given_up_ = false;
};

/// Prints each event of the engine as chunks of OpenAI's form as it comes.
class StreamedAnswer final : public Sink {
 public:
  StreamedAnswer(AnswerStyle style, std::size_t prompts, std::shared_ptr<EventWriter> out);
  void take(std::size_t prompt, const serving::GenerationEvent& event) override;

 private:
  struct Choice {
    bool begun = false;
    std::optional<CompletionLogprobs> completion_logprobs;
    std::optional<ChatLogprobs> chat_logprobs;
    Likelihood likelihood;
    CallFilter calls;
  };
  void begin(std::size_t index, std::size_t prompt, Choice& choice);
  void take_prompt(std::size_t prompt, const std::vector<serving::TokenInfo>& tokens);
  void send_text(std::size_t index, Choice& choice, const std::string& text);
  void send_end(std::size_t index, Choice& choice, const serving::GenerationEvent& event);
  void send(std::size_t index, std::string_view inside);
  void send_calls(std::size_t index, const std::vector<ToolCall>& calls);

  const AnswerStyle style_;
  const std::string head_;
  const std::shared_ptr<EventWriter> out_;
  std::mutex mutex_;  // guards all below
  std::vector<Choice> choices_;
  std::size_t unfinished_;
  Usage usage_{};
  bool broken_ = false;
};

}  // namespace galley::openai
