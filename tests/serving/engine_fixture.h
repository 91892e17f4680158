#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <ostream>
#include <random>
#include <thread>

#include "serving/text_engine.h"
#include "twin_model.h"

namespace galley::serving {

using Text = std::vector<text::TokenId>;
using Event = GenerationEvent;

/// Every byte is a token; 256 ends an answer.
inline constexpr text::TokenId kEnd = 256;

inline text::Tokenizer byte_tokenizer() {
  text::TokenizerSpec spec;
  std::uint32_t next = 256;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    const auto point = itself ? byte : next++;
    std::string spelt;
    if (point < 0x80) {
      spelt += static_cast<char>(point);
    } else {
      spelt += static_cast<char>(0xC0U | point >> 6);
      spelt += static_cast<char>(0x80U | (point & 0x3FU));
    }
    spec.tokens.push_back({.text = spelt});
  }
  spec.tokens.push_back({.text = "<|end|>", .type = text::TokenType::control});
  spec.eos = kEnd;
  auto made = text::Tokenizer::create(std::move(spec));
  GALLEY_CHECK(made.has_value(), "the test's tokenizer is well formed");
  return *std::move(made);
}

inline const text::Tokenizer& words() {
  static const text::Tokenizer tokenizer = byte_tokenizer();
  return tokenizer;
}

inline Text tokens_of(std::string_view text) {
  Text tokens;
  for (const auto byte : text) tokens.push_back(static_cast<unsigned char>(byte));
  return tokens;
}

/// What one choice came to.
struct Written {
  std::string text;
  Text tokens;
  std::vector<float> logprobs;
  std::vector<TokenInfo> prompt_tokens;
  FinishReason reason = FinishReason::failed;
  std::string stop_sequence;
  std::string error;
  bool finished = false;

  bool operator==(const Written& other) const {
    return text == other.text && tokens == other.tokens && logprobs == other.logprobs &&
           reason == other.reason && stop_sequence == other.stop_sequence;
  }
};

inline std::ostream& operator<<(std::ostream& out, const Written& written) {
  out << "reason " << static_cast<int>(written.reason) << " stop '" << written.stop_sequence
      << "' tokens";
  for (const auto token : written.tokens) out << ' ' << token;
  return out << " text '" << written.text << "' error '" << written.error << "'";
}

/// Gathers a request's events and says when the last has come. Thread-safe.
class Listener {
 public:
  std::function<void(const Event&)> callback() {
    return [state = state_](const Event& event) { state->take(event); };
  }
  std::vector<Written> wait() const {
    std::unique_lock lock(state_->mutex);
    EXPECT_TRUE(state_->changed.wait_for(lock, std::chrono::seconds(30),
                                         [&] { return state_->lasts > 0; }));
    return state_->choices;
  }
  void wait_for_tokens(std::size_t count) const {
    std::unique_lock lock(state_->mutex);
    EXPECT_TRUE(state_->changed.wait_for(lock, std::chrono::seconds(30), [&] {
      return state_->lasts > 0 || state_->tokens >= count;
    }));
  }
  const Event::Usage& usage() const { return state_->usage; }
  std::size_t lasts() const {
    const std::lock_guard lock(state_->mutex);
    return state_->lasts;
  }
  std::size_t tokens() const {
    const std::lock_guard lock(state_->mutex);
    return state_->tokens;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Written> choices;
    Event::Usage usage;
    std::size_t lasts = 0;
    std::size_t tokens = 0;

    void take(const Event& event) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(lasts, 0U) << "an event after the last";
      if (choices.size() <= event.choice) choices.resize(event.choice + 1);
      auto& written = choices[event.choice];
      EXPECT_FALSE(written.finished) << "an event after a choice's end";
      written.text += event.text;
      for (const auto& info : event.tokens) {
        written.tokens.push_back(info.token);
        written.logprobs.push_back(info.logprob);
      }
      tokens += event.tokens.size();
      for (const auto& info : event.prompt_tokens) written.prompt_tokens.push_back(info);
      if (event.finished) {
        written.finished = true;
        written.reason = event.reason;
        written.stop_sequence = event.stop_sequence;
        written.error = event.error;
      }
      if (event.last) {
        ++lasts;
        usage = event.usage;
        for (const auto& choice : choices) EXPECT_TRUE(choice.finished);
      }
      changed.notify_all();
    }
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// The metrics once so many requests have ended and nothing runs. Events are given within a step,
/// metrics at its end, so a listener may be a moment early.
inline TextEngine::Metrics metrics_after(const TextEngine& engine, std::uint64_t requests) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (true) {
    auto metrics = engine.metrics();
    std::uint64_t finished = 0;
    for (const auto& [reason, count] : metrics.finished) finished += count;
    const bool quiet = metrics.requests_running == 0 && metrics.sequences_running == 0 &&
                       metrics.requests_waiting == 0;
    if ((finished == requests && quiet) || std::chrono::steady_clock::now() > deadline) {
      EXPECT_EQ(finished, requests);
      return metrics;
    }
    std::this_thread::yield();
  }
}

/// The obvious way to the same answer: one text, alone, token by token in fresh pages, its text
/// searched anew after each token.
inline Written reference(TwinModel::Shape shape, const GenerationRequest& request,
                         std::uint32_t choice = 0) {
  shape.pages = (request.prompt.size() + request.max_tokens) / tensor::kPageTokens + 1;
  shape.max_rows = shape.context;
  TwinModel model(shape);
  const auto vocabulary = std::min(model.vocabulary(), words().size());
  auto params = request.sampling;
  if (choice > 0) params.seed = inference::random_bits(params.seed, choice);
  if (request.best_of > request.n) params.logprobs = std::max(params.logprobs, 0);
  inference::Sampler sampler(params, vocabulary, request.prompt);
  inference::SamplingScratch scratch;
  std::vector<std::uint32_t> pages(shape.pages);
  for (std::uint32_t i = 0; i < pages.size(); ++i) pages[i] = i;
  Written written;
  Text all = request.prompt;
  std::size_t computed = 0;
  std::vector<float> logits(model.vocabulary());
  const auto decoded = [&](bool whole) {
    text::Detokenizer detokenizer(words(), false, text::Detokenizer::From::middle);
    std::string text;
    for (const auto token : written.tokens) text += detokenizer.add(token);
    return whole ? text + detokenizer.finish() : text;
  };
  const auto cut_at_stop = [&](const std::string& text) {
    std::size_t end = std::string::npos;
    for (const auto& stop : request.stop) {
      const auto at = text.find(stop);
      if (at == std::string::npos) continue;
      const auto stop_end = at + stop.size();
      const bool longer = stop_end == end && stop.size() > written.stop_sequence.size();
      if (stop_end > end || (stop_end == end && !longer)) continue;
      end = stop_end;
      written.stop_sequence = stop;
    }
    if (end == std::string::npos) return false;
    written.text = text.substr(0, end - written.stop_sequence.size());
    written.reason = FinishReason::stop;
    return true;
  };
  while (true) {
    const auto rest = std::span(all).subspan(computed);
    const inference::ForwardSequence sequence{
        .tokens = rest,
        .first_position = static_cast<std::uint32_t>(computed),
        .pages = pages,
        .logit_rows = 1,
        .adapter = request.adapter};
    model.forward(std::span(&sequence, 1), logits);
    computed = all.size();
    const auto sampled = sampler.sample(std::span(logits).first(vocabulary), nullptr, scratch);
    sampler.accept(sampled.token);
    all.push_back(sampled.token);
    written.tokens.push_back(sampled.token);
    written.logprobs.push_back(sampled.logprob);
    const bool ends = sampled.token == kEnd && !request.ignore_eos;
    const bool full = written.tokens.size() == request.max_tokens;
    if (cut_at_stop(decoded(ends || full))) return written;
    if (!ends && !full) continue;
    written.text = decoded(true);
    written.reason = ends ? FinishReason::stop : FinishReason::length;
    return written;
  }
}

}  // namespace galley::serving
