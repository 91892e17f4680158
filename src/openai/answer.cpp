#include "answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "tool_calls.h"

namespace galley::openai {
namespace {

constexpr std::size_t kCallIdBytes = 12;

Error ending_error(const serving::GenerationEvent& event) {
  if (event.reason == serving::FinishReason::failed)
    return Error{Errc::internal, "the answer could not be generated: " + event.error};
  return Error{Errc::unavailable, "the request was cancelled: the server is stopping"};
}

}  // namespace

void add_usage(Usage& sum, const Usage& more) {
  sum.prompt_tokens += more.prompt_tokens;
  sum.cached_tokens += more.cached_tokens;
  sum.completion_tokens += more.completion_tokens;
  sum.drafted_tokens += more.drafted_tokens;
  sum.accepted_tokens += more.accepted_tokens;
  sum.queue_s = std::max(sum.queue_s, more.queue_s);
  sum.first_token_s = std::max(sum.first_token_s, more.first_token_s);
  sum.total_s = std::max(sum.total_s, more.total_s);
}

std::string print_usage(const Usage& usage) {
  return fmt::format(
      R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},)"
      R"("prompt_tokens_details":{{"cached_tokens":{}}},)"
      R"("completion_tokens_details":{{"accepted_prediction_tokens":{},"rejected_prediction_tokens":{}}}}})",
      usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens + usage.completion_tokens,
      usage.cached_tokens, usage.accepted_tokens, usage.drafted_tokens - usage.accepted_tokens);
}

std::string print_timings(const Usage& usage) {
  return fmt::format(R"({{"queue_ms":{:.3f},"first_token_ms":{:.3f},"total_ms":{:.3f}}})",
                     usage.queue_s * 1e3, usage.first_token_s * 1e3, usage.total_s * 1e3);
}

std::string_view name_of(serving::FinishReason reason) {
  switch (reason) {
    case serving::FinishReason::stop:
      return "stop";
    case serving::FinishReason::length:
      return "length";
    case serving::FinishReason::cancelled:
      return "cancelled";
    case serving::FinishReason::failed:
      return "error";
  }
  return "stop";
}

std::string print_head(const AnswerStyle& style, std::string_view object) {
  std::string out = fmt::format(R"({{"id":"{}","object":"{}","created":{},"model":)", style.id,
                                object, style.created_s);
  append_json_string(out, style.model);
  fmt::format_to(std::back_inserter(out), R"(,"system_fingerprint":"{}")", style.fingerprint);
  return out;
}

std::string print_end_notes(const AnswerStyle& style, const serving::GenerationEvent& event) {
  std::string out;
  if (!event.stop_sequence.empty()) {
    out += "\"stop_reason\":";
    append_json_string(out, event.stop_sequence);
    out += ',';
  }
  if (!style.restart.empty()) {
    out += "\"restart\":";
    append_json_string(out, style.restart);
    out += ',';
  }
  return out;
}

void Likelihood::add(const std::vector<serving::TokenInfo>& tokens) {
  for (const auto& token : tokens) sum_ += token.logprob;
  tokens_ += tokens.size();
}

std::string print_decoding(const AnswerStyle& style, std::size_t request, double mean_logprob) {
  if (!style.both) return {};
  return fmt::format(R"("decoding":"{}","mean_logprob":{:.6g},)",
                     request % 2 == 0 ? "greedy" : "sampled", mean_logprob);
}

Usage usage_of(const AnswerStyle& style, std::size_t request,
               const serving::GenerationEvent& event) {
  Usage usage = event.usage;
  if (style.both && request % 2 == 1) usage.prompt_tokens = usage.cached_tokens = 0;
  return usage;
}

WholeAnswer::WholeAnswer(AnswerStyle style, std::size_t prompts,
                         std::function<void(Result<std::string>)> done)
    : style_(std::move(style)),
      done_(std::move(done)),
      choices_(prompts * style_.n),
      unfinished_(prompts) {
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    Choice& choice = choices_[i];
    const std::size_t prompt = i / style_.n;
    if (!style_.echoes.empty()) choice.text = style_.echoes[prompt];
    if (!style_.alternatives) continue;
    if (style_.chat)
      choice.chat_logprobs.emplace(*style_.tokenizer, *style_.alternatives);
    else
      choice.completion_logprobs.emplace(*style_.tokenizer, *style_.alternatives,
                                         style_.echoes.empty() ? style_.offsets[prompt] : 0);
  }
}

/// They come before the first token of any choice.
void WholeAnswer::take_prompt(std::size_t prompt, const std::vector<serving::TokenInfo>& tokens) {
  for (std::uint32_t i = 0; i < style_.n; ++i) {
    Choice& choice = choices_[prompt * style_.n + i];
    if (!style_.echoes.empty() && choice.completion_logprobs)
      choice.completion_logprobs->add_prompt(tokens);
    if (style_.prompt_logprobs)
      choice.prompt_logprobs = print_prompt_logprobs(*style_.tokenizer, tokens);
  }
}

void WholeAnswer::take(std::size_t prompt, const serving::GenerationEvent& event) {
  std::unique_lock lock(mutex_);
  if (!event.prompt_tokens.empty()) take_prompt(prompt, event.prompt_tokens);
  const std::size_t index = prompt * style_.n + event.choice;
  if (event.choice < style_.n && index < choices_.size()) {
    Choice& choice = choices_[index];
    choice.text += event.text;
    if (style_.both) choice.likelihood.add(event.tokens);
    if (choice.completion_logprobs) choice.completion_logprobs->add(event.tokens);
    if (choice.chat_logprobs) choice.chat_logprobs->add(event.tokens);
    if (event.finished) {
      choice.end = event;
      const bool broken = event.reason == serving::FinishReason::failed ||
                          event.reason == serving::FinishReason::cancelled;
      if (broken && !error_) error_ = ending_error(event);
    }
  }
  if (!event.last) return;
  add_usage(usage_, usage_of(style_, prompt, event));
  if (--unfinished_ > 0) return;
  auto document = error_ ? Result<std::string>(*error_) : Result<std::string>(print());
  lock.unlock();
  done_(std::move(document));
}

/// The likelier of its pair; where both are as likely, the greedy one.
bool WholeAnswer::is_chosen(std::size_t index) const {
  const std::size_t greedy = index - index % 2;
  const bool sampled_wins =
      choices_[greedy + 1].likelihood.mean() > choices_[greedy].likelihood.mean();
  return index == greedy + (sampled_wins ? 1 : 0);
}

void WholeAnswer::print_message(std::string& out, Choice& choice) const {
  ReadAnswer read = style_.tools ? read_tool_calls(choice.text) : ReadAnswer{choice.text, {}};
  std::string reason(name_of(choice.end.reason));
  out += R"("message":{"role":"assistant","content":)";
  if (read.content.empty() && !read.calls.empty()) {
    out += "null";
  } else {
    append_json_string(out, read.content + (read.calls.empty() ? style_.restart : ""));
  }
  out += R"(,"refusal":null)";
  if (!read.calls.empty()) {
    reason = "tool_calls";
    out += R"(,"tool_calls":[)";
    for (std::size_t i = 0; i < read.calls.size(); ++i) {
      fmt::format_to(std::back_inserter(out),
                     R"({}{{"id":"call_{}","type":"function","function":{{"name":)",
                     i == 0 ? "" : ",", random_hex(kCallIdBytes));
      append_json_string(out, read.calls[i].name);
      out += R"(,"arguments":)";
      append_json_string(out, read.calls[i].arguments);
      out += "}}";
    }
    out += ']';
  }
  out += R"(},"logprobs":)";
  out += choice.chat_logprobs ? choice.chat_logprobs->take() : "null";
  fmt::format_to(std::back_inserter(out), R"(,"finish_reason":"{}"}})", reason);
}

std::string WholeAnswer::print() {
  std::string out = print_head(style_, style_.chat ? "chat.completion" : "text_completion");
  out += R"(,"choices":[)";
  std::size_t printed = 0;
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    if (style_.choose && !is_chosen(i)) continue;
    Choice& choice = choices_[i];
    fmt::format_to(std::back_inserter(out), R"({}{{"index":{},{}{})", printed == 0 ? "" : ",",
                   printed, print_decoding(style_, i, choice.likelihood.mean()),
                   print_end_notes(style_, choice.end));
    ++printed;
    if (!choice.prompt_logprobs.empty())
      out += "\"prompt_logprobs\":" + choice.prompt_logprobs + ",";
    if (style_.chat) {
      print_message(out, choice);
      continue;
    }
    out += R"("text":)";
    append_json_string(out, choice.text + style_.restart);
    out += R"(,"logprobs":)";
    out += choice.completion_logprobs ? choice.completion_logprobs->take() : "null";
    fmt::format_to(std::back_inserter(out), R"(,"finish_reason":"{}"}})",
                   name_of(choice.end.reason));
  }
  fmt::format_to(std::back_inserter(out), R"(],"usage":{},"timings":{}}})", print_usage(usage_),
                 print_timings(usage_));
  return out;
}

}  // namespace galley::openai
