// Thousands of random requests on too little memory, in every mode of the engine: each one that was
// not cancelled gets exactly the answer that it would get alone, and no page is lost.
#include <gtest/gtest.h>

#include <array>

#include "engine_fixture.h"

namespace galley::serving {
namespace {

struct Mode {
  EngineOptions options;
  std::size_t pages;
  int requests;
};

class EngineSoak : public testing::TestWithParam<Mode> {};

GenerationRequest random_request(std::mt19937_64& dice, std::size_t most_choices) {
  static const std::string common(40, 'c');
  GenerationRequest request;
  std::string prompt = dice() % 2 == 0 ? common.substr(0, dice() % 41) : "";
  for (auto i = 1 + dice() % 30; i > 0; --i) prompt += static_cast<char>('a' + dice() % 26);
  request.prompt = tokens_of(prompt);
  request.max_tokens = static_cast<std::uint32_t>(1 + dice() % 40);
  request.sampling.seed = dice();
  request.sampling.logprobs = 0;
  request.sampling.greedy = dice() % 3 == 0;
  request.sampling.temperature = 0.3F;
  if (dice() % 4 == 0) request.sampling.repetition_penalty = 1.3F;
  if (dice() % 4 == 0) request.sampling.repetition_scope = inference::PenaltyScope::all;
  if (dice() % 4 == 0) request.stop = {"\x03\x04", "\x01", "\x05\x06\x07"};
  request.ignore_eos = dice() % 2 == 0;
  request.recompute = dice() % 12 == 0;
  request.prompt_logprobs = dice() % 10 == 0;
  if (dice() % 5 == 0) request.n = static_cast<std::uint32_t>(1 + dice() % most_choices);
  request.adapter = static_cast<inference::AdapterIndex>(dice() % 2);
  request.priority = static_cast<std::int32_t>(dice() % 3);
  request.request_class = dice() % 4 == 0 ? RequestClass::background : RequestClass::online;
  request.user = dice() % 2 == 0 ? "ann" : "bo";
  request.speculation_is_default = false;
  constexpr std::array kinds{Speculation::none, Speculation::prompt_lookup,
                             Speculation::draft_model};
  request.speculation = kinds[dice() % kinds.size()];
  return request;
}

TEST_P(EngineSoak, EveryAnswerIsThatOfARequestAlone) {
  const auto& mode = GetParam();
  TwinModel::Shape shape{.vocabulary = 260, .pages = mode.pages, .max_logit_rows = 16};
  shape.predictable_quarters = 2;
  TwinModel model(shape);
  auto draft_shape = shape;
  draft_shape.pages = 10;
  TwinModel draft(draft_shape);
  auto options = mode.options;
  options.draft = &draft;
  auto started = TextEngine::start(model, words(), system_clock(), options);
  ASSERT_TRUE(started) << started.error().message;
  auto& engine = **started;
  const auto most_choices =
      std::min<std::size_t>({mode.options.max_sequences, mode.options.step_rows, 3});

  struct Sent {
    GenerationRequest request;
    TextEngine::RequestNumber number;
    Listener listener;
    bool cancelled;
  };
  std::mt19937_64 dice(99);
  std::vector<Sent> sent;
  const auto check = [&](const Sent& one) {
    const auto written = one.listener.wait();
    for (std::uint32_t choice = 0; choice < written.size(); ++choice) {
      if (one.cancelled && written[choice].reason == FinishReason::cancelled) continue;
      ASSERT_EQ(written[choice], reference(shape, one.request, choice));
    }
  };
  for (int i = 0; i < mode.requests; ++i) {
    auto request = random_request(dice, most_choices);
    Listener listener;
    const auto number = engine.generate(request, listener.callback());
    ASSERT_TRUE(number) << number.error().message;
    sent.push_back({std::move(request), *number, listener, false});
    if (dice() % 8 == 0) {
      auto& victim = sent[dice() % sent.size()];
      victim.cancelled = true;
      if (dice() % 2 == 0) victim.listener.wait_for_tokens(1 + dice() % 10);
      engine.cancel(victim.number);
    }
    // Bursts, then pauses in which the queue empties.
    if (dice() % 64 == 0) check(sent.back());
  }
  for (const auto& one : sent) {
    check(one);
    if (HasFatalFailure()) break;
  }
  const auto metrics = metrics_after(engine, static_cast<std::uint64_t>(mode.requests));
  EXPECT_EQ(metrics.kv_cache_usage_ratio, 0);
  EXPECT_EQ(metrics.finished.at(3), (std::pair<std::string, std::uint64_t>{"failed", 0}));
  RecordProperty("preemptions", static_cast<int>(metrics.preemptions));
  const bool storms = mode.pages < 12 && mode.options.step_rows > 7;
  if (storms) {
    EXPECT_GT(metrics.preemptions, 10U);
  }
}

using Preemption = EngineOptions::Preemption;
INSTANTIATE_TEST_SUITE_P(
    Modes, EngineSoak,
    testing::Values(
        Mode{{.max_sequences = 8}, 200, 1000}, Mode{{.max_sequences = 8}, 9, 1000},
        Mode{{.max_sequences = 8, .prefix_sharing = false}, 9, 400},
        Mode{{.max_sequences = 8, .preemption = Preemption::swap}, 9, 1000},
        Mode{{.max_sequences = 8, .preemption = Preemption::swap, .swap_bytes = 640}, 10, 400},
        Mode{{.max_sequences = 16, .step_rows = 64, .online_step_rows = 24}, 12, 400},
        Mode{{.max_sequences = 4, .step_rows = 7, .online_step_rows = 7}, 12, 300},
        Mode{{.max_sequences = 4, .step_rows = 1}, 9, 200},
        Mode{{.batching = Batching::static_batches, .max_sequences = 6}, 14, 300},
        Mode{{.batching = Batching::length_sorted, .max_sequences = 6}, 14, 300}));

}  // namespace
}  // namespace galley::serving
