// The engine as its users see it, on a twin of a model: what is answered, and in what order.
#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <regex>
#include <set>

#include "text_engine_fixture.h"

namespace galley::serving {
namespace {

TEST_F(TextEngineTest, AnswersAsTheModelAloneWould) {
  start();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto asked = request("a prompt of some length, more than one page", 40, seed);
    EXPECT_EQ(run(asked).at(0), reference(shape, asked)) << seed;
  }
}

TEST_F(TextEngineTest, GreedyRecomputedAndCachedTextsAreEqual) {
  start();
  auto asked = request("what is the weather like today?", 50);
  asked.sampling.greedy = true;
  asked.ignore_eos = true;
  const auto cached = run(asked).at(0);
  const auto rows = model.rows_run.load();
  asked.recompute = true;
  EXPECT_EQ(run(asked).at(0), cached);
  EXPECT_EQ(model.rows_run - rows, 50U * 31 + 50 * 49 / 2) << "each token reads the whole text";
  EXPECT_EQ(usage.cached_tokens, 0U);
}

TEST_F(TextEngineTest, CountsWhatThePrefixCacheGave) {
  start();
  const auto asked = request(std::string(40, 'x') + "tail", 4);
  run(asked);
  EXPECT_EQ(usage.cached_tokens, 0U);
  EXPECT_EQ(usage.prompt_tokens, 44U);
  run(asked);
  EXPECT_EQ(usage.cached_tokens, 43U);
  const auto metrics = metrics_after(2);
  EXPECT_EQ(metrics.prefix_cache_queries, 88U);
  EXPECT_EQ(metrics.prefix_cache_hits, 43U);
}

TEST_F(TextEngineTest, StopStringsEndAnswersAcrossTokenBorders) {
  start();
  auto asked = request("tell me", 200);
  asked.sampling.greedy = true;
  asked.ignore_eos = true;
  const auto free = reference(shape, asked);
  // Three bytes from the middle of what is written: three tokens.
  const auto stop = free.text.substr(free.text.size() / 2, 6);
  asked.stop = {"never written", stop};
  const auto written = run(asked).at(0);
  EXPECT_EQ(written.stop_sequence, stop);
  EXPECT_EQ(written.reason, FinishReason::stop);
  EXPECT_EQ(written.text, free.text.substr(0, free.text.find(stop)));
  EXPECT_EQ(written, reference(shape, asked));
}

TEST_F(TextEngineTest, ChoicesComeFromOnePromptAndSeedsOfTheirOwn) {
  start({.warm_up = false});
  auto asked = request("four of them, please, on more than one page", 30);
  asked.n = 4;
  const auto rows = model.rows_run.load();
  const auto written = run(asked);
  ASSERT_EQ(written.size(), 4U);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(written[i], reference(shape, asked, i)) << i;
  EXPECT_NE(written[0].tokens, written[1].tokens);
  std::size_t answer_rows = 0;
  for (const auto& choice : written) answer_rows += choice.tokens.size() - 1;
  EXPECT_EQ(model.rows_run - rows, asked.prompt.size() + answer_rows);
}

TEST_F(TextEngineTest, ThreadsThatDrawChangeNoText) {
  // Large enough that drawing is shared out.
  shape.vocabulary = 20'000;
  shape.pages = 400;
  TwinModel large(shape);
  auto started = TextEngine::start(large, words(), system_clock(), {.sampling_threads = 3});
  ASSERT_TRUE(started) << started.error().message;
  std::vector<GenerationRequest> asked;
  std::vector<Listener> listeners(24);
  for (std::uint64_t i = 0; i < listeners.size(); ++i) {
    asked.push_back(request("text " + std::to_string(i), 30, i));
    asked.back().ignore_eos = true;
    asked.back().sampling.greedy = i % 4 == 0;
    if (i % 3 == 0) asked.back().sampling.repetition_penalty = 1.3F;
    if (i % 5 == 0) asked.back().stop = {"\x03", "e"};
    ASSERT_TRUE((*started)->generate(asked.back(), listeners[i].callback()));
  }
  for (std::size_t i = 0; i < listeners.size(); ++i)
    EXPECT_EQ(listeners[i].wait().at(0), reference(shape, asked[i])) << i;
}

TEST_F(TextEngineTest, BestOfGivesTheLikeliestFirst) {
  start();
  auto asked = request("best of five", 20);
  asked.n = 2;
  asked.best_of = 5;
  const auto written = run(asked);
  ASSERT_EQ(written.size(), 2U);
  std::vector<std::pair<double, Text>> all;
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto candidate = reference(shape, asked, i);
    double sum = 0;
    for (const auto logprob : candidate.logprobs) sum += static_cast<double>(logprob);
    all.emplace_back(-sum / static_cast<double>(candidate.tokens.size()), candidate.tokens);
  }
  std::ranges::sort(all);
  EXPECT_EQ(written[0].tokens, all[0].second);
  EXPECT_EQ(written[1].tokens, all[1].second);
}

TEST_F(TextEngineTest, ScoresEachTokenOfAPromptWhateverItsChunks) {
  auto asked = request(std::string(30, 'p') + "rompt that is scored token by token", 3);
  asked.prompt_logprobs = true;
  asked.sampling.logprobs = 2;
  std::vector<TokenInfo> first;
  for (const std::size_t rows : {512U, 7U, 1U}) {
    start({.max_sequences = 1, .step_rows = rows});
    const auto written = run(asked).at(0);
    ASSERT_EQ(written.prompt_tokens.size(), asked.prompt.size());
    EXPECT_EQ(written.prompt_tokens[0].logprob, 0);
    if (first.empty()) first = written.prompt_tokens;
    for (std::size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(written.prompt_tokens[i].token, asked.prompt[i]);
      EXPECT_EQ(written.prompt_tokens[i].logprob, first[i].logprob);
      EXPECT_EQ(written.prompt_tokens[i].top, first[i].top);
      if (i > 0) {
        EXPECT_LT(written.prompt_tokens[i].logprob, 0);
        EXPECT_EQ(written.prompt_tokens[i].top.size(), 2U);
      }
    }
    engine.reset();
  }
}

TEST_F(TextEngineTest, NoTokensAtAllMayBeAskedFor) {
  start();
  auto asked = request("only the prompt", 0);
  asked.prompt_logprobs = true;
  const auto written = run(asked).at(0);
  EXPECT_TRUE(written.tokens.empty());
  EXPECT_EQ(written.prompt_tokens.size(), asked.prompt.size());
  EXPECT_EQ(written.reason, FinishReason::length);
}

TEST_F(TextEngineTest, EmbeddingsAreMeansOfLengthOneWhateverTheChunks) {
  std::vector<float> first;
  for (const std::size_t rows : {512U, 7U}) {
    start({.step_rows = rows});
    std::promise<Result<std::vector<float>>> done;
    ASSERT_TRUE(engine->embed(
        tokens_of("a text of more than sixteen tokens"),
        [&](Result<std::vector<float>> embedding) { done.set_value(std::move(embedding)); }));
    const auto embedding = done.get_future().get();
    ASSERT_TRUE(embedding);
    ASSERT_EQ(embedding->size(), model.width());
    float squares = 0;
    for (const auto value : *embedding) squares += value * value;
    EXPECT_NEAR(squares, 1, 1e-5);
    if (first.empty()) first = *embedding;
    EXPECT_EQ(*embedding, first);
    engine.reset();
  }
}

TEST_F(TextEngineTest, IsReadyAfterItsWarmUpWhichBelongsToNobody) {
  start();
  const auto asked = request("the first of all", 10);
  EXPECT_EQ(run(asked).at(0), reference(shape, asked));
  EXPECT_TRUE(engine->ready());
  EXPECT_GE(model.largest_step, 512U);
}

TEST_F(TextEngineTest, MetricsTellWhatHappened) {
  start({.warm_up = false});
  auto asked = request("how long did it take?", 12);
  asked.ignore_eos = true;
  run(asked);
  run(asked);
  const auto metrics = metrics_after(2);
  EXPECT_EQ(metrics.prompt_tokens, 42U);
  EXPECT_EQ(metrics.generation_tokens, 24U);
  EXPECT_EQ(metrics.time_to_first_token_s.count, 2U);
  EXPECT_EQ(metrics.inter_token_latency_s.count, 22U);
  EXPECT_EQ(metrics.e2e_latency_s.count, 2U);
  EXPECT_EQ(metrics.generation_length.sum, 24);
  EXPECT_EQ(metrics.finished.at(1), (std::pair<std::string, std::uint64_t>{"length", 2}));
  EXPECT_EQ(metrics.requests_running + metrics.requests_waiting, 0U);
}

TEST_F(TextEngineTest, ConstrainedAnswersFollowTheirGrammar) {
  start({.max_sequences = 4, .speculation = Speculation::prompt_lookup});
  const auto trie = inference::TokenTrie::create(words());
  const auto grammar = inference::Constraint::from_gbnf(
      R"(root ::= ("yes" | "no") (", " ("yes" | "no")){2,3} ".")", trie);
  ASSERT_TRUE(grammar) << grammar.error().message;
  std::set<std::string> texts;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    auto asked = request("yes, no, yes, no, yes", 60, seed);
    asked.constraint = *grammar;
    asked.ignore_eos = seed % 2 == 0;
    const auto written = run(asked).at(0);
    EXPECT_EQ(written.reason, FinishReason::stop);
    EXPECT_TRUE(std::regex_match(written.text, std::regex("(yes|no)(, (yes|no)){2,3}\\.")))
        << written.text;
    texts.insert(written.text);
  }
  EXPECT_GT(texts.size(), 4U);
}

class Speculating : public TextEngineTest, public testing::WithParamInterface<Speculation> {};

TEST_P(Speculating, ChangesSpeedButNoToken) {
  // A lookup finds only what was there before, to the letter.
  shape.predictable_quarters = GetParam() == Speculation::prompt_lookup ? 4 : 3;
  TwinModel target(shape);
  auto draft_shape = shape;
  draft_shape.pages = 12;
  TwinModel draft(draft_shape);
  auto started = TextEngine::start(target, words(), system_clock(),
                                   {.speculation = GetParam(), .draft = &draft, .warm_up = false});
  ASSERT_TRUE(started);
  std::uint32_t accepted = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    auto asked = request("something that repeats itself", 80, seed);
    asked.sampling.greedy = seed % 2 == 0;
    asked.sampling.repetition_penalty = seed % 3 == 0 ? 1.1F : 1.0F;
    asked.ignore_eos = true;
    Listener listener;
    ASSERT_TRUE((*started)->generate(asked, listener.callback()));
    EXPECT_EQ(listener.wait().at(0), reference(shape, asked)) << seed;
    accepted += listener.usage().accepted_tokens;
  }
  EXPECT_GT(accepted, 12U * 80 / 4);
  EXPECT_LT(target.steps, 12U * 80 * 3 / 4);
}

INSTANTIATE_TEST_SUITE_P(All, Speculating,
                         testing::Values(Speculation::prompt_lookup, Speculation::draft_model));

}  // namespace
}  // namespace galley::serving
