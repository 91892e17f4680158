#include "streamed_answer.h"

#include <fmt/format.h>

#include <iterator>

#include "base/text.h"
#include "error_reply.h"

namespace galley::openai {
namespace {

constexpr std::size_t kStreamedCallIdBytes = 12;

std::string delta_of(std::string_view text) {
  std::string out = R"("delta":{"content":)";
  append_json_string(out, text);
  out += '}';
  return out;
}

}  // namespace

void EventWriter::attach(http::Stream stream) {
  const std::lock_guard lock(mutex_);
  stream_ = std::move(stream);
  flush_locked();
}

/// True when nothing waits any more.
bool EventWriter::flush_locked() {
  if (!stream_ || given_up_) return false;
  if (!waiting_.empty()) {
    switch (stream_->write(waiting_)) {
      case http::Stream::Push::full:
        if (!full_since_) full_since_ = clock_.steady();
        return false;
      case http::Stream::Push::closed:
        given_up_ = true;  // on_close has told the generation
        waiting_ = {};
        return false;
      case http::Stream::Push::sent:
        waiting_.clear();
        full_since_.reset();
    }
  }
  if (finished_) stream_->finish();
  return true;
}

void EventWriter::write(std::string_view data) {
  {
    const std::lock_guard lock(mutex_);
    if (given_up_) return;
    waiting_ += "data: ";
    waiting_ += data;
    waiting_ += "\n\n";
    if (!stream_) return;
    if (flush_locked() || given_up_) return;
    if (waiting_.size() < kStallBytes && clock_.steady() - *full_since_ < kStallTime) return;
    given_up_ = true;
    waiting_ = {};
    stream_.reset();  // without finish: the reader must not take it for a whole answer
  }
  give_up_();
}

void EventWriter::finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  flush_locked();
}

void EventWriter::flush() {
  const std::lock_guard lock(mutex_);
  flush_locked();
}

StreamedAnswer::StreamedAnswer(AnswerStyle style, std::size_t prompts,
                               std::shared_ptr<EventWriter> out)
    : style_(std::move(style)),
      head_(print_head(style_, style_.chat ? "chat.completion.chunk" : "text_completion")),
      out_(std::move(out)),
      choices_(prompts * style_.n),
      unfinished_(prompts) {
  if (!style_.alternatives) return;
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    if (style_.chat)
      choices_[i].chat_logprobs.emplace(*style_.tokenizer, *style_.alternatives);
    else
      choices_[i].completion_logprobs.emplace(
          *style_.tokenizer, *style_.alternatives,
          style_.echoes.empty() ? style_.offsets[i / style_.n] : 0);
  }
}

void StreamedAnswer::send(std::size_t index, std::string_view inside) {
  out_->write(fmt::format(R"({},"choices":[{{"index":{},{}}}]{}}})", head_, index, inside,
                          style_.include_usage ? R"(,"usage":null)" : ""));
}

void StreamedAnswer::begin(std::size_t index, std::size_t prompt, Choice& choice) {
  choice.begun = true;
  if (style_.chat)
    send(
        index,
        R"("delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null)");
  else if (!style_.echoes.empty() && !style_.echoes[prompt].empty())
    send_text(index, choice, style_.echoes[prompt]);
}

/// They come before the first token of any choice.
void StreamedAnswer::take_prompt(std::size_t prompt,
                                 const std::vector<serving::TokenInfo>& tokens) {
  if (style_.echoes.empty()) return;
  for (std::uint32_t i = 0; i < style_.n; ++i)
    if (auto& logprobs = choices_[prompt * style_.n + i].completion_logprobs)
      logprobs->add_prompt(tokens);
}

void StreamedAnswer::send_text(std::size_t index, Choice& choice, const std::string& text) {
  std::string inside;
  if (style_.chat) {
    inside = delta_of(text);
  } else {
    inside = R"("text":)";
    append_json_string(inside, text);
  }
  inside += R"(,"logprobs":)";
  if (choice.completion_logprobs && !choice.completion_logprobs->empty())
    inside += choice.completion_logprobs->take();
  else if (choice.chat_logprobs && !choice.chat_logprobs->empty())
    inside += choice.chat_logprobs->take();
  else
    inside += "null";
  inside += R"(,"finish_reason":null)";
  send(index, inside);
}

void StreamedAnswer::send_calls(std::size_t index, const std::vector<ToolCall>& calls) {
  std::string inside = R"("delta":{"tool_calls":[)";
  for (std::size_t i = 0; i < calls.size(); ++i) {
    fmt::format_to(std::back_inserter(inside),
                   R"({}{{"index":{},"id":"call_{}","type":"function","function":{{"name":)",
                   i == 0 ? "" : ",", i, random_hex(kStreamedCallIdBytes));
    append_json_string(inside, calls[i].name);
    inside += R"(,"arguments":)";
    append_json_string(inside, calls[i].arguments);
    inside += "}}";
  }
  inside += R"(]},"logprobs":null,"finish_reason":null)";
  send(index, inside);
}

void StreamedAnswer::send_end(std::size_t index, Choice& choice,
                              const serving::GenerationEvent& event) {
  std::string reason(name_of(event.reason));
  std::string rest;
  if (style_.tools) {
    const ReadAnswer read = read_tool_calls(choice.calls.take_rest());
    rest = read.content;
    if (!read.calls.empty()) {
      if (!rest.empty()) send_text(index, choice, rest);
      send_calls(index, read.calls);
      reason = "tool_calls";
      rest.clear();
    }
  }
  if (reason != "tool_calls") rest += style_.restart;
  const bool has_logprobs = (choice.completion_logprobs && !choice.completion_logprobs->empty()) ||
                            (choice.chat_logprobs && !choice.chat_logprobs->empty());
  if (!rest.empty() || has_logprobs) send_text(index, choice, rest);
  send(index, fmt::format(R"({}{}{},"logprobs":null,"finish_reason":"{}")",
                          print_decoding(style_, index, choice.likelihood.mean()),
                          print_end_notes(style_, event),
                          style_.chat ? R"("delta":{})" : R"("text":"")", reason));
}

void StreamedAnswer::take(std::size_t prompt, const serving::GenerationEvent& event) {
  const std::lock_guard lock(mutex_);
  const std::size_t index = prompt * style_.n + event.choice;
  if (event.choice < style_.n && index < choices_.size() && !broken_) {
    Choice& choice = choices_[index];
    if (!event.prompt_tokens.empty()) take_prompt(prompt, event.prompt_tokens);
    if (!choice.begun) begin(index, prompt, choice);
    if (choice.completion_logprobs) choice.completion_logprobs->add(event.tokens);
    if (choice.chat_logprobs) choice.chat_logprobs->add(event.tokens);
    if (style_.both) choice.likelihood.add(event.tokens);
    const std::string text = style_.tools ? choice.calls.add(event.text) : event.text;
    if (!text.empty()) send_text(index, choice, text);
    const bool broken = event.finished && (event.reason == serving::FinishReason::failed ||
                                           event.reason == serving::FinishReason::cancelled);
    if (broken) {
      broken_ = true;
      out_->write(dump_json(error_body(
          event.reason == serving::FinishReason::failed
              ? Error{Errc::internal, "the answer could not be generated: " + event.error}
              : Error{Errc::unavailable, "the request was cancelled: the server is stopping"})));
    } else if (event.finished) {
      send_end(index, choice, event);
    }
  }
  if (!event.last) return;
  add_usage(usage_, usage_of(style_, prompt, event));
  if (--unfinished_ > 0) return;
  if (style_.include_usage && !broken_)
    out_->write(fmt::format(R"({},"choices":[],"usage":{},"timings":{}}})", head_,
                            print_usage(usage_), print_timings(usage_)));
  if (!broken_) out_->write("[DONE]");
  out_->finish();
}

}  // namespace galley::openai
