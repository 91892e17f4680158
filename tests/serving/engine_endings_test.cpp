// How requests end that are not answered: refused, cancelled, failed, each alone.
#include <gtest/gtest.h>

#include <future>
#include <semaphore>

#include "text_engine_fixture.h"

namespace galley::serving {
namespace {

TEST_F(TextEngineTest, RefusesWhatItCouldNeverAnswer) {
  shape.context = 100;
  TwinModel narrow(shape);
  auto started = TextEngine::start(narrow, words(), system_clock(), {.max_sequences = 8});
  ASSERT_TRUE(started);
  const auto refusal = [&](const GenerationRequest& asked) {
    const auto answer = (*started)->generate(asked, [](const Event&) { FAIL(); });
    EXPECT_FALSE(answer);
    return answer ? Error{} : answer.error();
  };
  EXPECT_EQ(refusal(request("", 5)).field, "prompt");
  auto asked = request("abc", 5);
  asked.prompt[1] = 257;
  EXPECT_EQ(refusal(asked).field, "prompt");
  asked.prompt[1] = -1;
  EXPECT_EQ(refusal(asked).field, "prompt");
  const auto too_long = refusal(request(std::string(90, 'a'), 20));
  EXPECT_EQ(too_long.code, Errc::invalid_argument);
  EXPECT_EQ(too_long.field, "max_tokens");
  EXPECT_NE(too_long.message.find("90 tokens"), std::string::npos);
  EXPECT_NE(too_long.message.find("100 tokens"), std::string::npos);
  EXPECT_EQ(too_long.expected, "max_tokens of at most 10");
  EXPECT_EQ(refusal(request(std::string(100, 'a'), 1)).field, "prompt");
  asked = request("abc", 5);
  asked.sampling.temperature = -1;
  EXPECT_EQ(refusal(asked).field, "temperature");
  asked = request("abc", 5);
  asked.n = 9;
  EXPECT_EQ(refusal(asked).field, "n");
  asked.n = 0;
  EXPECT_EQ(refusal(asked).field, "n");
  asked.n = 1;
  asked.stop.assign(1000, "x");
  EXPECT_EQ(refusal(asked).field, "stop");
  asked.stop.clear();
  asked.speculation = Speculation::draft_model;
  asked.speculation_is_default = false;
  EXPECT_EQ(refusal(asked).field, "speculation");
}

TEST_F(TextEngineTest, RefusesAnAdapterThatTheModelHasNot) {
  start();
  auto asked = request("x", 4);
  asked.adapter = 1;
  EXPECT_EQ(run(asked).at(0), reference(shape, asked));
  asked.adapter = 2;
  const auto refused = engine->generate(asked, [](const Event&) { FAIL() << "it was refused"; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
  EXPECT_EQ(refused.error().field, "adapter");
  EXPECT_EQ(refused.error().message, "adapter 2 was asked for");
  EXPECT_EQ(refused.error().expected, "0 for none, or 1 to 1");
}

TEST_F(TextEngineTest, RefusesWhatKvMemoryCouldNeverHold) {
  shape.pages = 4;
  TwinModel small(shape);
  auto started = TextEngine::start(small, words(), system_clock(), {});
  ASSERT_TRUE(started);
  Listener listener;
  const auto refused = (*started)->generate(request(std::string(50, 'a'), 16), listener.callback());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::too_large);
  EXPECT_NE(refused.error().message.find("65 tokens"), std::string::npos);
  ASSERT_TRUE((*started)->generate(request(std::string(50, 'a'), 15), listener.callback()));
  listener.wait();
}

TEST_F(TextEngineTest, AFullQueueRefuses) {
  std::binary_semaphore in_step{0}, go_on{0};
  bool held = false;
  model.before_step = [&] {
    if (std::exchange(held, true)) return;
    in_step.release();
    go_on.acquire();
  };
  start({.max_waiting = 3, .warm_up = false});
  std::vector<Listener> listeners(5);
  ASSERT_TRUE(engine->generate(request("first", 5), listeners[0].callback()));
  in_step.acquire();
  for (std::size_t i = 1; i <= 3; ++i)
    ASSERT_TRUE(engine->generate(request("waits", 5), listeners[i].callback()));
  const auto refused = engine->generate(request("one too many", 5), listeners[4].callback());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::exhausted);
  go_on.release();
  for (std::size_t i = 0; i <= 3; ++i) listeners[i].wait();
  EXPECT_EQ(listeners[4].lasts(), 0U);
  EXPECT_TRUE(engine->generate(request("again", 5), listeners[4].callback()));
  listeners[4].wait();
}

TEST_F(TextEngineTest, ACancelledAnswerEndsAndTheOthersGoOn) {
  start_endless({});
  auto endless = request("goes on and on", kEndless);
  endless.ignore_eos = true;
  endless.n = 2;
  Listener cancelled;
  const auto number = engine->generate(endless, cancelled.callback());
  ASSERT_TRUE(number);
  auto other = request("goes to its end", 100);
  other.ignore_eos = true;
  Listener kept;
  ASSERT_TRUE(engine->generate(other, kept.callback()));
  cancelled.wait_for_tokens(4);
  engine->cancel(*number + 1000);
  engine->cancel(*number);
  for (const auto& choice : cancelled.wait()) EXPECT_EQ(choice.reason, FinishReason::cancelled);
  EXPECT_EQ(kept.wait().at(0), reference(shape, other));
  EXPECT_EQ(metrics_after(2).kv_cache_usage_ratio, 0);
}

TEST_F(TextEngineTest, TheEndOfTheEngineCancelsWhatRunsAndWaits) {
  start_endless({.max_sequences = 1});
  auto endless = request("goes on and on", kEndless);
  endless.ignore_eos = true;
  std::vector<Listener> listeners(3);
  for (auto& listener : listeners) ASSERT_TRUE(engine->generate(endless, listener.callback()));
  std::promise<bool> embedded;
  ASSERT_TRUE(engine->embed(tokens_of("x"), [&](Result<std::vector<float>> embedding) {
    embedded.set_value(embedding.has_value());
  }));
  listeners[0].wait_for_tokens(3);
  engine.reset();
  for (auto& listener : listeners) EXPECT_EQ(listener.wait().at(0).reason, FinishReason::cancelled);
  EXPECT_FALSE(embedded.get_future().get());
}

TEST_F(TextEngineTest, AListenerThatThrowsEndsItsOwnRequestAlone) {
  start();
  std::atomic<int> calls{0};
  auto asked = request("someone who throws", 100);
  asked.ignore_eos = true;
  ASSERT_TRUE(engine->generate(asked, [&](const Event&) {
    ++calls;
    throw 5;
  }));
  EXPECT_EQ(run(asked).at(0), reference(shape, asked));
  EXPECT_EQ(metrics_after(2).kv_cache_usage_ratio, 0);
  EXPECT_EQ(calls, 1);
}

TEST_F(TextEngineTest, ATextThatTheModelCannotRunFailsAlone) {
  start();
  model.poison = '!';
  Listener poisoned;
  auto other = request("a good one", 60);
  other.ignore_eos = true;
  other.sampling.logit_bias = {{'!', -100.0F}};
  Listener good;
  ASSERT_TRUE(engine->generate(request("a bad one!", 10), poisoned.callback()));
  ASSERT_TRUE(engine->generate(other, good.callback()));
  EXPECT_EQ(poisoned.wait().at(0).reason, FinishReason::failed);
  EXPECT_FALSE(poisoned.wait().at(0).error.empty());
  EXPECT_EQ(good.wait().at(0), reference(shape, other));
}

}  // namespace
}  // namespace galley::serving
