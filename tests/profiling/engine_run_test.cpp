// The engine in this process, on the small model of the repository.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/clock.h"
#include "profiling/catalogue.h"
#include "profiling/measure.h"
#include "run.h"
#include "run_quality.h"

namespace galley::profiling {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const std::filesystem::path kModel = std::filesystem::path(GALLEY_SOURCE_DIR) / "data/lm/model";
constexpr std::uint32_t kContext = 256;
/// Rounds bound the work; the time only bounds a machine that is hardly there.
constexpr double kEnough = 50;
constexpr double kScale = 0.06;

std::unique_ptr<EngineSubject> open(std::stop_token stop = {}, std::size_t kv_tokens = 16384) {
  auto subject =
      EngineSubject::open(kModel, {.threads = 1, .kv_tokens = kv_tokens}, std::move(stop));
  EXPECT_TRUE(subject) << describe(subject.error());
  return subject ? *std::move(subject) : nullptr;
}

Budget seconds(double count, std::stop_token stop = {}) {
  return Budget(system_clock(),
                system_clock().steady() + std::chrono::duration_cast<Instant::duration>(
                                              std::chrono::duration<double>(count)),
                std::move(stop));
}

const StudyFrame kFrame{.seed = 1,
                        .scale = kScale,
                        .quick = true,
                        .context = kContext,
                        .rounds = 1,
                        .memory_budgets = {std::uint64_t{16} << 20, std::uint64_t{1} << 30}};

double number_at(const Experiment& experiment, std::size_t row, std::string_view column) {
  const auto found = std::ranges::find(experiment.columns, column, &Column::name);
  EXPECT_NE(found, experiment.columns.end()) << column;
  const auto* value = std::get_if<double>(
      &experiment.rows.at(row)[static_cast<std::size_t>(found - experiment.columns.begin())]);
  EXPECT_NE(value, nullptr) << column;
  return value == nullptr ? 0 : *value;
}

Ask ask_for(const EngineSubject& subject, std::uint64_t index, std::uint32_t prompt,
            std::uint32_t output) {
  Ask ask;
  ask.prompt = subject.make_prompt(1, index, prompt, PromptShape::prose);
  ask.max_tokens = output;
  ask.ignore_eos = true;
  return ask;
}

TEST(EngineSubject, MakesPromptsOfExactlySoManyTokens) {
  const auto subject = open();
  for (const std::uint32_t tokens : {1U, 17U, 200U}) {
    const auto prompt = subject->make_prompt(1, 3, tokens, PromptShape::shots);
    EXPECT_EQ(prompt.tokens.size(), tokens);
    EXPECT_EQ(prompt.tokens, subject->make_prompt(1, 3, tokens, PromptShape::shots).tokens);
  }
  EXPECT_NE(subject->make_prompt(1, 3, 50, PromptShape::prose).tokens,
            subject->make_prompt(1, 4, 50, PromptShape::prose).tokens);
}

TEST(EngineSubject, CountsTokensTimesAndPages) {
  const auto subject = open();
  std::vector<Ask> asks;
  for (std::uint64_t i = 0; i < 5; ++i) asks.push_back(ask_for(*subject, i, 30, 9));
  const auto replies = subject->answer(asks, {.at_once = 2});
  ASSERT_EQ(replies.size(), 5U);
  for (const Reply& reply : replies) {
    EXPECT_EQ(reply.fault, "");
    EXPECT_EQ(reply.prompt_tokens, 30U);
    EXPECT_EQ(reply.output_tokens, 9U);
    EXPECT_EQ(reply.finish, "length");
    EXPECT_GT(reply.first_token_ms, 0);
    EXPECT_GT(reply.latency_ms, reply.first_token_ms);
    EXPECT_EQ(reply.kv_bytes, 3 * subject->memory().page_bytes);  // 38 tokens, 16 a page
  }
  EXPECT_GT(replies[4].sent_ms, replies[0].sent_ms);
}

TEST(EngineSubject, WritesTheSameWhateverRunsBeside) {
  const auto subject = open();
  std::vector<Ask> asks;
  for (std::uint64_t i = 0; i < 8; ++i) asks.push_back(ask_for(*subject, i, 20, 12));
  const auto alone = subject->answer(asks, {.at_once = 1});
  const auto together = subject->answer(asks, {.at_once = 8});
  for (std::size_t i = 0; i < asks.size(); ++i) EXPECT_EQ(alone[i].text, together[i].text);
}

TEST(EngineSubject, SaysWhatDoesNotFitAndWhatWould) {
  const auto subject = open({}, kContext);
  EXPECT_EQ(subject->cannot_hold(1, kContext), "");
  EXPECT_THAT(subject->cannot_hold(4, kContext),
              HasSubstr("1 such sequences, or 64 tokens each, would fit"));
}

TEST(EngineSubject, ScoresEveryTokenButTheFirst) {
  const auto subject = open();
  const auto text = subject->make_prompt(1, 0, 100, PromptShape::prose);
  const auto scores = subject->score(text.tokens);
  ASSERT_TRUE(scores) << describe(scores.error());
  ASSERT_EQ(scores->size(), 99U);
  for (const double score : *scores) EXPECT_LT(score, 0);
}

TEST(EngineSubject, StopsWithinAStep) {
  std::stop_source stop;
  const auto subject = open(stop.get_token());
  std::vector<Ask> asks;
  for (std::uint64_t i = 0; i < 64; ++i) asks.push_back(ask_for(*subject, i, 56, 200));
  const std::jthread interrupter([&] { stop.request_stop(); });
  const auto replies = subject->answer(asks, {.at_once = 4});
  EXPECT_LT(replies.size(), 64U);
}

TEST(EngineSubject, TellsWhyAModelCannotBeOpened) {
  EXPECT_EQ(EngineSubject::open(kModel / "no", {}, {}).error().code, Errc::not_found);
  EXPECT_EQ(EngineSubject::open(kModel, {.isa = "mmx"}, {}).error().code, Errc::invalid_argument);
}

TEST(RunBatches, ARefusedSizeIsARowThatSaysWhy) {
  const auto subject = open({}, 512);
  const auto table = run_batches(*subject, kFrame, "few-shot", seconds(kEnough));
  bool refused = false;
  for (const auto& row : table.rows)
    if (const auto* why = std::get_if<std::string>(&row.back())) {
      refused = true;
      EXPECT_THAT(*why, HasSubstr("would fit"));
      EXPECT_EQ(row[5], Cell{});
    }
  EXPECT_TRUE(refused);
  EXPECT_EQ(number_at(table, 0, "batch"), 1);
  EXPECT_EQ(number_at(table, 0, "output_tokens"), 8);
}

TEST(RunBatching, OnlyStaticBatchesWasteTokens) {
  const auto subject = open();
  const auto table = run_batching(*subject, kFrame, seconds(kEnough));
  double wasted_static = 0, wasted_sorted = 0, useful = 0;
  std::size_t continuous = 0;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto& policy = std::get<std::string>(table.rows[i][0]);
    const double wasted = number_at(table, i, "wasted_tokens");
    if (number_at(table, i, "repetition") > 0 || number_at(table, i, "batch") != 8) continue;
    // The same requests under each policy.
    if (useful == 0) useful = number_at(table, i, "output_tokens");
    EXPECT_EQ(number_at(table, i, "output_tokens"), useful);
    if (policy == "static") wasted_static = wasted;
    if (policy == "length_sorted") wasted_sorted = wasted;
    if (policy == "continuous") {
      ++continuous;
      EXPECT_EQ(wasted, 0);
    }
  }
  EXPECT_EQ(continuous, 1U);
  EXPECT_GT(wasted_static, wasted_sorted);
  EXPECT_GT(wasted_sorted, 0);
}

TEST(RunBudget, EveryCellIsALatencyOrARefusal) {
  const auto subject = open();
  const auto table = run_budget(*subject, kFrame, seconds(kEnough));
  bool measured = false, refused = false;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto& row = table.rows[i];
    const bool has_latency = std::holds_alternative<double>(row[4]);
    const bool has_reason = std::holds_alternative<std::string>(row[5]);
    EXPECT_NE(has_latency, has_reason);
    const bool over = number_at(table, i, "needed_bytes") > number_at(table, i, "budget_bytes");
    if (over) {
      EXPECT_THAT(std::get<std::string>(row[5]), HasSubstr("are needed"));
    }
    measured = measured || has_latency;
    refused = refused || over;
  }
  EXPECT_TRUE(measured);
  EXPECT_TRUE(refused);
}

TEST(RunQuality, TakesTheLikelierChoiceAndTheModelsOwnWords) {
  const auto subject = open();
  Ask ask;
  ask.prompt.text = "First Citizen:";
  ask.prompt.tokens = subject->tokenizer().encode(ask.prompt.text);
  ask.max_tokens = 16;
  ask.stop = {"\n"};
  // What the model says by itself is right by definition; a choice that is nonsense is not likely.
  const auto said = subject->answer(std::span(&ask, 1), {}).at(0).text;
  std::vector<EvaluationItem> items{{"정말 재미있는", {" 영화", "qzxv qzxv jjj"}, " 영화"},
                                    {"정말 재미있는", {" 영화", "qzxv qzxv jjj"}, "qzxv qzxv jjj"}};
  if (said.find_first_not_of(" ") != std::string::npos)
    items.push_back({"First Citizen:", {}, said});
  items.push_back({"First Citizen:", {}, "qzxv"});
  const auto table = run_quality(*subject, items, seconds(kEnough));
  ASSERT_EQ(table.rows.size(), items.size());
  EXPECT_EQ(number_at(table, 0, "correct"), 1);
  EXPECT_EQ(number_at(table, 1, "correct"), 0);
  if (items.size() == 4) {
    EXPECT_EQ(number_at(table, 2, "correct"), 1);
  }
  EXPECT_EQ(number_at(table, items.size() - 1, "correct"), 0);
  EXPECT_GT(number_at(table, 0, "latency_ms"), 0);
}

MeasureOptions options_of() {
  MeasureOptions options;
  options.model = kModel;
  options.threads = 1;
  options.seconds = kEnough;
  options.rounds = 1;
  options.scale = kScale;
  return options;
}

TEST(Measure, HasEveryExperimentOfTheCatalogue) {
  double last = 0;
  auto options = options_of();
  options.seconds = 5;  // short of what it would like: every experiment is there all the same
  const auto profile =
      measure(options, [&](double ratio, const std::string&) { last = ratio; }, {});
  ASSERT_TRUE(profile) << describe(profile.error());
  EXPECT_GT(last, 0.5);
  EXPECT_EQ(profile->model.context, kContext);
  EXPECT_EQ(profile->model.format, "i8");
  EXPECT_EQ(profile->model.snapshot.size(), 64U);
  EXPECT_EQ(profile->scale, kScale);
  std::size_t at = 0;
  for (const ExperimentKind& kind : kExperiments) {
    if (kind.id == "quality") continue;
    ASSERT_LT(at, profile->experiments.size());
    EXPECT_EQ(profile->experiments[at++].id, kind.id);
  }
  EXPECT_FALSE(profile->find("narrow")->rows.empty());
  EXPECT_TRUE(parse_profile(print_profile(*profile)));
}

TEST(Measure, MeasuresTheSettings) {
  auto options = options_of();
  options.only = {"formats", "cache", "differences", "doubled", "warm-up"};
  const auto profile = measure(options, {}, {});
  ASSERT_TRUE(profile) << describe(profile.error());
  ASSERT_EQ(profile->experiments.size(), 6U);
  // Whatever is asked for, the machine is looked at.
  EXPECT_EQ(profile->experiments.back().id, "machine");
  EXPECT_GE(profile->experiments.back().rows.size(), 5U);
  const auto settings_of = [&](const char* id, std::size_t column) {
    std::vector<std::string> names;
    for (const auto& row : profile->find(id)->rows)
      names.push_back(std::get<std::string>(row[column]));
    return names;
  };
  EXPECT_THAT(settings_of("formats", 0), Contains("i8"));
  EXPECT_THAT(settings_of("formats", 0), Contains("q4_0"));
  EXPECT_THAT(settings_of("cache", 0), Contains("off"));
  EXPECT_GE(profile->find("doubled")->rows.size(), 3U);
  EXPECT_THAT(settings_of("differences", 0), Contains("batch"));
  EXPECT_THAT(settings_of("differences", 0), Contains("format"));
  for (std::size_t i = 0; i < profile->find("differences")->rows.size(); ++i)
    if (settings_of("differences", 0)[i] == "batch") {
      EXPECT_EQ(number_at(*profile->find("differences"), i, "different"), 0);
      EXPECT_EQ(number_at(*profile->find("differences"), i, "nats_error"), 0);
    }
  EXPECT_EQ(number_at(*profile->find("warm-up"), 0, "warm_up"), 0);
}

TEST(Measure, EndsEarlyWithWhatItHas) {
  std::stop_source stop;
  auto options = options_of();
  const auto profile = measure(
      options,
      [&](double, const std::string& what) {
        if (what == "wide-greedy") stop.request_stop();
      },
      stop.get_token());
  ASSERT_TRUE(profile) << describe(profile.error());
  EXPECT_EQ(profile->experiments.size(), 3U);
  EXPECT_FALSE(profile->find("narrow")->rows.empty());
  EXPECT_THAT(profile->find("wide-greedy")->notes, Contains(HasSubstr("Interrupted")));
}

TEST(Measure, NamesWhatIsWrong) {
  auto options = options_of();
  options.only = {"narow"};
  const auto unknown = measure(options, {}, {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().field, "--only");
  EXPECT_THAT(unknown.error().hint, HasSubstr("narrow"));
  options = options_of();
  options.scale = 1;
  EXPECT_EQ(measure(options, {}, {}).error().field, "--scale");
  options.scale = 2;
  EXPECT_EQ(measure(options, {}, {}).error().field, "--scale");
  options = options_of();
  options.model = "no-such.gguf";
  EXPECT_EQ(measure(options, {}, {}).error().code, Errc::not_found);
}

}  // namespace
}  // namespace galley::profiling
