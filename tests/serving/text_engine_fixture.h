#pragma once

#include <memory>

#include "engine_fixture.h"
#include "page_pool.h"

namespace galley::serving {

inline GenerationRequest request(std::string_view prompt, std::uint32_t max_tokens,
                                 std::uint64_t seed = 7) {
  GenerationRequest made;
  made.prompt = tokens_of(prompt);
  made.max_tokens = max_tokens;
  made.sampling.seed = seed;
  made.sampling.logprobs = 0;
  return made;
}

class TextEngineTest : public testing::Test {
 protected:
  void start(EngineOptions options = {}) {
    auto started = TextEngine::start(model, words(), system_clock(), options);
    ASSERT_TRUE(started) << started.error().message;
    engine = *std::move(started);
  }
  std::vector<Written> run(const GenerationRequest& asked) {
    Listener listener;
    const auto number = engine->generate(asked, listener.callback());
    EXPECT_TRUE(number) << number.error().message;
    auto written = listener.wait();
    usage = listener.usage();
    return written;
  }
  /// Events are given within a step, metrics at its end.
  TextEngine::Metrics metrics_after(std::uint64_t requests) {
    return serving::metrics_after(*engine, requests);
  }

  /// So many tokens that no answer of them ends before the test does.
  static constexpr std::uint32_t kEndless = 1'000'000;
  void start_endless(const EngineOptions& options) {
    shape.context = 2 * kEndless;
    shape.pages = pages_for(2 * kEndless);
    endless_model = std::make_unique<TwinModel>(shape);
    auto started = TextEngine::start(*endless_model, words(), system_clock(), options);
    ASSERT_TRUE(started) << started.error().message;
    engine = *std::move(started);
  }

  TwinModel::Shape shape{.pages = 64};
  TwinModel model{shape};
  std::unique_ptr<TwinModel> endless_model;
  std::unique_ptr<TextEngine> engine;
  Event::Usage usage;
};

}  // namespace galley::serving
