#include <cmath>

#include "figures.h"

namespace galley::profiling {
namespace {

/// `growth`: latency ~ batch^growth, so that 1 gives no more tokens a second.
Experiment batches(double growth, double noise_level, int repetitions, double memory_exponent = 1) {
  Noise noise(noise_level);
  std::vector<Row> rows;
  for (int repetition = 0; repetition < repetitions; ++repetition)
    for (const double batch : {1.0, 2.0, 4.0, 8.0, 16.0, 32.0})
      rows.push_back({{"batch", batch},
                      {"repetition", double(repetition)},
                      {"prompt_tokens", 170.0},
                      {"output_tokens", 128.0},
                      {"first_token_ms", 10.0},
                      {"latency_ms", 300 * std::pow(batch, growth) * noise()},
                      {"kv_bytes", 1e6 * std::pow(batch * 298, memory_exponent)}});
  return table_of("one-shot", rows);
}

TEST(Answers, LargerBatchesGiveMoreTokensASecond) {
  expect_verdict(batches(0.4, 0.02, 4), "one-shot.batch-pays", Verdict::yes);
  expect_verdict(batches(1.0, 0.01, 4), "one-shot.batch-pays", Verdict::no);
  expect_verdict(batches(0.9, 0.3, 2), "one-shot.batch-pays", Verdict::cannot_tell);
  expect_verdict(batches(0.4, 0.02, 1), "one-shot.batch-pays", Verdict::cannot_tell);
}

TEST(Answers, MemoryIsInProportionToTokensTimesBatch) {
  expect_verdict(batches(0.4, 0.02, 4), "one-shot.memory-proportional", Verdict::yes);
  expect_verdict(batches(0.4, 0.02, 4, 0.5), "one-shot.memory-proportional", Verdict::no);
  auto rows = batches(0.4, 0.02, 2);
  Noise noise(0.7);
  for (auto& row : rows.rows) row[6] = std::get<double>(row[6]) * noise();
  expect_verdict(rows, "one-shot.memory-proportional", Verdict::cannot_tell);
}

Experiment budget(bool silent, double largest_needed) {
  std::vector<Row> rows;
  for (const double batch : {1.0, 8.0, 64.0}) {
    const double needed = largest_needed * batch / 64;
    Row row{{"budget_bytes", 1e9},
            {"batch", batch},
            {"prompt_tokens", 512.0},
            {"needed_bytes", needed}};
    if (needed > 1e9)
      row["refused"] = std::string("2 GB are needed, 32 requests would fit");
    else if (!silent || batch < 8)
      row["latency_ms"] = 10 * batch;
    rows.push_back(std::move(row));
  }
  return table_of("budget", rows);
}

TEST(Answers, EveryCellHoldsALatencyOrSaysWhyNot) {
  expect_verdict(budget(false, 2e9), "budget.clean", Verdict::yes);
  expect_verdict(budget(true, 2e9), "budget.clean", Verdict::no);
  expect_verdict(table_of("budget", {}), "budget.clean", Verdict::cannot_tell);
}

TEST(Answers, MemoryEndsWithinTheMap) {
  expect_verdict(budget(false, 2e9), "budget.memory-ends", Verdict::yes);
  expect_verdict(budget(false, 5e8), "budget.memory-ends", Verdict::no);
  expect_verdict(budget(true, 5e8), "budget.memory-ends", Verdict::cannot_tell);
}

struct Policies {
  double sorted = 1.5, continuous = 2, wasted = 0.4, noise = 0.01;
  int repetitions = 4;
};

Experiment batching(const Policies& policies) {
  Noise noise(policies.noise);
  std::vector<Row> rows;
  for (int repetition = 0; repetition < policies.repetitions; ++repetition)
    for (const double batch : {2.0, 8.0, 32.0})
      for (const auto& [name, speed] :
           std::map<std::string, double>{{"static", 1},
                                         {"length_sorted", policies.sorted},
                                         {"continuous", policies.continuous}}) {
        // At 32 all requests stand in one batch: there all policies are the same.
        const double factor = batch == 32 ? 1 : speed;
        const double wasted = name == "static" ? policies.wasted : 0;
        rows.push_back({{"policy", name},
                        {"batch", batch},
                        {"repetition", double(repetition)},
                        {"requests", 32.0},
                        {"output_tokens", 1000 * (1 - wasted)},
                        {"tokens_per_s", 100 * factor * noise()},
                        {"wasted_tokens", 1000 * wasted * noise()}});
      }
  return table_of("batching", rows);
}

TEST(Answers, StaticBatchesRunAtThePaceOfTheLongest) {
  expect_verdict(batching({}), "batching.pace-of-longest", Verdict::yes);
  expect_verdict(batching({.wasted = 0.02}), "batching.pace-of-longest", Verdict::no);
  expect_verdict(batching({.wasted = 0.1, .noise = 0.3, .repetitions = 2}),
                 "batching.pace-of-longest", Verdict::cannot_tell);
}

TEST(Answers, SortingMakesStaticBatchesFaster) {
  expect_verdict(batching({}), "batching.sorting", Verdict::yes);
  expect_verdict(batching({.sorted = 1}), "batching.sorting", Verdict::no);
  expect_verdict(batching({.sorted = 1.05, .noise = 0.1, .repetitions = 2}), "batching.sorting",
                 Verdict::cannot_tell);
}

TEST(Answers, ContinuousBatchingIsFasterThanStatic) {
  expect_verdict(batching({}), "batching.continuous", Verdict::yes);
  expect_verdict(batching({.continuous = 0.9}), "batching.continuous", Verdict::no);
  expect_verdict(batching({.repetitions = 1}), "batching.continuous", Verdict::cannot_tell);
}

TEST(Answers, ContinuousBatchingMakesSortingUnnecessary) {
  expect_verdict(batching({}), "batching.continuous-over-sorted", Verdict::yes);
  expect_verdict(batching({.continuous = 1.1}), "batching.continuous-over-sorted", Verdict::no);
  expect_verdict(batching({.sorted = 2, .continuous = 1.9, .noise = 0.2, .repetitions = 2}),
                 "batching.continuous-over-sorted", Verdict::cannot_tell);
}

Experiment capacity(double gain, double noise_level, int repetitions) {
  Noise noise(noise_level);
  std::vector<Row> rows;
  for (int repetition = 0; repetition < repetitions; ++repetition)
    for (const double users : {1.0, 4.0, 16.0})
      rows.push_back({{"users", users},
                      {"repetition", double(repetition)},
                      {"requests", 20.0},
                      {"tokens_per_s", 100 * std::pow(gain, std::log2(users) / 4) * noise()},
                      {"p50_latency_ms", 100 * users},
                      {"p99_latency_ms", 120 * users}});
  return table_of("capacity", rows);
}

TEST(Answers, MoreUsersGetMoreTokensInAll) {
  expect_verdict(capacity(3, 0.02, 3), "capacity.more-users", Verdict::yes);
  expect_verdict(capacity(1, 0.01, 4), "capacity.more-users", Verdict::no);
  expect_verdict(capacity(1.2, 0.3, 2), "capacity.more-users", Verdict::cannot_tell);
}

}  // namespace
}  // namespace galley::profiling
