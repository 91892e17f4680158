#include <cmath>

#include "figures.h"

namespace galley::profiling {
namespace {

struct Timed {
  std::string setting;
  double latency_ms = 100, parameters = 0, weight_bytes = 0;
};

Experiment settings(std::string_view id, const std::vector<Timed>& all, double noise_level = 0.01,
                    int repetitions = 4) {
  Noise noise(noise_level);
  std::vector<Row> rows;
  for (int repetition = 0; repetition < repetitions; ++repetition)
    for (const Timed& one : all) {
      Row row{{"setting", one.setting},
              {"repetition", double(repetition)},
              {"latency_ms", one.latency_ms * noise()},
              {"decode_tok_s", 1000 / one.latency_ms}};
      if (one.parameters > 0) row["parameters"] = one.parameters;
      if (one.weight_bytes > 0) row["weight_bytes"] = one.weight_bytes;
      rows.push_back(std::move(row));
    }
  return table_of(id, rows);
}

TEST(Answers, DoublingTheModelTakesLessThanTwiceTheTime) {
  const auto doubled = [](double factor, double noise, int repetitions = 4) {
    return settings("doubled",
                    {{"half", 100 / factor, 50e6}, {"1x", 100, 100e6}, {"2x", 100 * factor, 200e6}},
                    noise, repetitions);
  };
  expect_verdict(doubled(1.25, 0.02), "doubled.less-than-double", Verdict::yes);
  expect_verdict(doubled(2.3, 0.02), "doubled.less-than-double", Verdict::no);
  expect_verdict(doubled(1.95, 0.2, 2), "doubled.less-than-double", Verdict::cannot_tell);
  expect_verdict(doubled(1.25, 0.02, 1), "doubled.less-than-double", Verdict::cannot_tell);
}

TEST(Answers, InstructionSetsMatter) {
  const auto sets = [](double factor, double noise, int repetitions = 4) {
    return settings("instruction-sets",
                    {{"amx", 100}, {"avx512", 100 * std::sqrt(factor)}, {"avx2", 100 * factor}},
                    noise, repetitions);
  };
  expect_verdict(sets(3, 0.02), "instruction-sets.matter", Verdict::yes);
  expect_verdict(sets(1, 0.003), "instruction-sets.matter", Verdict::no);
  expect_verdict(sets(1.1, 0.2, 2), "instruction-sets.matter", Verdict::cannot_tell);
}

TEST(Answers, PickingTheExtremesOfChanceIsNoProof) {
  // Seven equal settings: the slowest and the fastest differ by chance, and that must not be a yes.
  std::vector<Timed> equal;
  for (int i = 0; i < 7; ++i) equal.push_back({"set" + std::to_string(i), 100});
  expect_verdict(settings("instruction-sets", equal, 0.08, 3), "instruction-sets.matter",
                 Verdict::cannot_tell);
}

TEST(Answers, ThreadsPay) {
  expect_verdict(settings("threads", {{"2", 55}, {"1", 100}}), "threads.pay", Verdict::yes);
  expect_verdict(settings("threads", {{"2", 100}, {"1", 100}}), "threads.pay", Verdict::no);
  expect_verdict(settings("threads", {{"2", 90}, {"1", 100}}, 0.2, 2), "threads.pay",
                 Verdict::cannot_tell);
}

TEST(Answers, SmallerFormatsAreFaster) {
  const auto formats = [](double small_ms, double noise, int repetitions = 4) {
    return settings("formats", {{"f16", 100, 1e8, 2e8}, {"q4_0", small_ms, 1e8, 6e7}}, noise,
                    repetitions);
  };
  expect_verdict(formats(50, 0.02), "formats.smaller-is-faster", Verdict::yes);
  expect_verdict(formats(110, 0.02), "formats.smaller-is-faster", Verdict::no);
  expect_verdict(formats(95, 0.2, 2), "formats.smaller-is-faster", Verdict::cannot_tell);
}

TEST(Answers, TheCachePays) {
  expect_verdict(settings("cache", {{"on", 10}, {"off", 100}}), "cache.pays", Verdict::yes);
  expect_verdict(settings("cache", {{"on", 100}, {"off", 100}}), "cache.pays", Verdict::no);
  expect_verdict(settings("cache", {{"on", 95}, {"off", 100}}, 0.2, 2), "cache.pays",
                 Verdict::cannot_tell);
  expect_verdict(settings("cache", {{"on", 95}}), "cache.pays", Verdict::cannot_tell);
}

TEST(Answers, TheEngineIsFasterThanTheTrainingFramework) {
  const auto against = [](double torch_ms, double noise, int repetitions = 4) {
    return settings("training-framework",
                    {{"engine", 100}, {"torch f32", torch_ms * 1.3}, {"torch bf16", torch_ms}},
                    noise, repetitions);
  };
  expect_verdict(against(300, 0.02), "training-framework.faster", Verdict::yes);
  expect_verdict(against(60, 0.02), "training-framework.faster", Verdict::no);
  expect_verdict(against(110, 0.2, 2), "training-framework.faster", Verdict::cannot_tell);
}

Experiment differences(std::string_view what, double different, double outputs, double nats_more,
                       std::optional<double> error) {
  Row row{{"what", std::string(what)},
          {"setting", std::string("other")},
          {"reference", std::string("usual")},
          {"outputs", outputs},
          {"different", different},
          {"nats_per_token", 2.5 + nats_more},
          {"reference_nats_per_token", 2.5}};
  if (error) row["nats_error"] = *error;
  return table_of("differences", {row});
}

TEST(Answers, OutputsDiffer) {
  for (const char* what : {"batch", "kernel", "format"}) {
    const std::string id = std::string("differences.") + what;
    expect_verdict(differences(what, 3, 100, 0, 0.0), id, Verdict::yes);
    expect_verdict(differences(what, 0, 100, 0, 0.0), id, Verdict::no);
    expect_verdict(differences(what, 0, 10, 0, 0.0), id, Verdict::cannot_tell);
  }
}

TEST(Answers, AServerThatAlsoDiffersByItselfProvesNothing) {
  Experiment experiment = differences("batch", 3, 100, 0, 0.0);
  experiment.rows.push_back(experiment.rows.front());
  experiment.rows.back()[1] = std::string("1 again");
  expect_verdict(experiment, "differences.batch", Verdict::cannot_tell);
  experiment.rows.back()[4] = 0.0;
  expect_verdict(experiment, "differences.batch", Verdict::yes);
}

TEST(Answers, QualityDiffers) {
  for (const char* what : {"batch", "kernel", "format"}) {
    const std::string id = std::string("differences.") + what + "-quality";
    expect_verdict(differences(what, 0, 100, 0.05, 0.005), id, Verdict::yes);
    expect_verdict(differences(what, 0, 100, -0.05, 0.005), id, Verdict::yes);
    expect_verdict(differences(what, 0, 100, 0.001, 0.001), id, Verdict::no);
    expect_verdict(differences(what, 0, 100, 0.01, 0.02), id, Verdict::cannot_tell);
    expect_verdict(differences(what, 0, 100, 0.05, std::nullopt), id, Verdict::cannot_tell);
  }
}

/// Two models on `count` questions: both right on half, one alone on some.
Experiment quality(int count, int only_large, int only_small) {
  std::vector<Row> rows;
  for (int question = 0; question < count; ++question)
    for (const bool large : {false, true}) {
      bool right = question % 2 == 0;
      if (question < only_large) right = large;
      if (question >= only_large && question < only_large + only_small) right = !large;
      rows.push_back({{"model", std::string(large ? "82b" : "39b")},
                      {"question", double(question)},
                      {"correct", right ? 1.0 : 0.0},
                      {"latency_ms", large ? 120.0 : 100.0},
                      {"output_tokens", 1.0},
                      {"peak_bytes", large ? 2e9 : 1e9}});
    }
  return table_of("quality", rows);
}

TEST(Answers, TheBiggerModelIsBetter) {
  expect_verdict(quality(400, 80, 10), "quality.82b-over-39b", Verdict::yes);
  expect_verdict(quality(400, 10, 80), "quality.82b-over-39b", Verdict::no);
  expect_verdict(quality(400, 22, 18), "quality.82b-over-39b", Verdict::cannot_tell);
  expect_verdict(quality(8, 8, 0), "quality.82b-over-39b", Verdict::cannot_tell);
  const Answer answer = answer_of(profile_with({quality(400, 80, 10)}), "quality.82b-over-39b");
  EXPECT_NE(answer.sentence.find("2× the memory"), std::string::npos) << answer.sentence;
  EXPECT_NE(answer.sentence.find("1.2× the time"), std::string::npos) << answer.sentence;
}

}  // namespace
}  // namespace galley::profiling
