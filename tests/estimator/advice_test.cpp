#include "estimator/advice.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "estimator/request.h"

namespace galley::estimator {
namespace {

GpuSpec gpu(const char* name) { return *find_gpu(name); }

Workload resnet_training() {
  Workload work;
  work.job.network = *find_network("resnet50");
  work.job.batch_per_gpu = 32;
  work.items = 1'281'167;
  work.epochs = 90;
  return work;
}

Offer offer_of(const char* device, double gpus, double usd_per_h) {
  return {.name = device, .gpu = gpu(device), .gpus = gpus, .usd_per_h = usd_per_h};
}

TEST(Advice, RecommendsTheDearerHourThatMakesTheCheaperTraining) {
  const auto document = parse_json(R"({"kind": "estimate", "version": 1, "configurations": [
      {"name": "4x V100", "gpu": "V100", "gpus": 4, "runtime": "72h", "cost_usd": 1750},
      {"name": "4x A100", "gpu": "A100", "gpus": 4, "runtime": "8h", "cost_usd": 250}]})");
  const auto request = parse_request(*document);
  ASSERT_TRUE(request) << describe(request.error());
  const auto advice = advise({}, request->work, request->offers, request->limits);
  ASSERT_TRUE(advice) << describe(advice.error());
  ASSERT_LT(advice->recommended, advice->rows.size());
  const auto& chosen = advice->rows[advice->recommended];
  EXPECT_EQ(request->offers[chosen.offer].name, "4x A100");
  EXPECT_NEAR(chosen.cost_usd, 250, 1e-6);
  EXPECT_NEAR(chosen.runtime_s.p50, 8 * 3600, 1e-6);
  EXPECT_NE(advice->reason.find("9.0 times as fast"), std::string::npos) << advice->reason;
  EXPECT_NE(advice->reason.find("7.0 times as cheap"), std::string::npos) << advice->reason;
  EXPECT_NE(advice->reason.find("its hour costs $31.25 against $24.31"), std::string::npos)
      << advice->reason;
  EXPECT_FALSE(advice->rows[1 - advice->recommended].pareto);
}

TEST(Advice, KeepsBudgetAndDeadlineAtTheirNinetiethPercentile) {
  const std::vector offers{offer_of("V100", 1, 3), offer_of("A100", 8, 30)};
  const auto free = advise({}, resnet_training(), offers);
  ASSERT_TRUE(free);
  const auto& slow = free->rows[free->rows[0].offer == 0 ? 0 : 1];
  ASSERT_GT(slow.finish_s_p90, slow.finish_s);
  const auto limited = advise({}, resnet_training(), offers,
                              {.deadline_s = (slow.finish_s + slow.finish_s_p90) / 2});
  ASSERT_TRUE(limited);
  for (const auto& row : limited->rows)
    if (row.offer == 0) {
      EXPECT_EQ(row.verdict, Verdict::too_slow);
    }
  const auto poor = advise({}, resnet_training(), offers, {.budget_usd = 0.5});
  ASSERT_TRUE(poor);
  EXPECT_GE(poor->recommended, poor->rows.size());
  EXPECT_NE(poor->reason.find("2 too dear"), std::string::npos) << poor->reason;
}

TEST(Advice, LeavesOutWhatDoesNotFitInMemoryAndNamesTheBatchThatWould) {
  auto work = resnet_training();
  work.job.batch_per_gpu = 512;
  const std::vector offers{offer_of("T4", 1, 0.5), offer_of("A100 80GB", 1, 4)};
  const auto advice = advise({}, work, offers);
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->rows[advice->recommended].offer, 1U);
  const auto& small = advice->rows[1 - advice->recommended];
  EXPECT_EQ(small.verdict, Verdict::out_of_memory);
  EXPECT_NE(small.note.find("items a device"), std::string::npos) << small.note;
}

TEST(Advice, ParetoRowsAreThoseThatNothingBeatsInBoth) {
  std::vector<Offer> offers;
  for (const auto& [hours, usd] :
       {std::pair{10.0, 10.0}, std::pair{5.0, 20.0}, std::pair{6.0, 25.0}, std::pair{1.0, 90.0}}) {
    Offer offer = offer_of("A100", 1, usd / hours);
    offer.known_runtime_s = hours * 3600;
    offers.push_back(offer);
  }
  const auto advice = advise({}, {}, offers);
  ASSERT_TRUE(advice);
  for (const auto& row : advice->rows) EXPECT_EQ(row.pareto, row.offer != 2) << row.offer;
}

TEST(Advice, CountsWaitsSpotInterruptionsAndTheValueOfOwnedMachines) {
  std::vector<Offer> offers(3, offer_of("V100", 1, 2));
  offers[1].spot = true;
  offers[1].interruptions_per_h = 0.4;
  offers[2].owned = true;
  offers[2].usd_per_h = 0.2;
  offers[2].idle_ratio = 0.25;
  offers[2].value_usd_per_h = 4;
  offers[2].wait_s_p50 = 3600;
  const auto advice = advise({}, resnet_training(), offers);
  ASSERT_TRUE(advice);
  std::vector<AdviceRow> by_offer(3);
  for (const auto& row : advice->rows) by_offer[row.offer] = row;
  EXPECT_NEAR(by_offer[1].runtime_s.p50 / by_offer[0].runtime_s.p50, 1.1, 1e-9);
  EXPECT_NEAR(by_offer[2].cost_usd / by_offer[0].cost_usd, (0.2 + 0.75 * 4) / 2, 1e-9);
  EXPECT_NEAR(by_offer[2].finish_s - by_offer[0].finish_s, 3600, 1e-6);
}

TEST(Advice, NeverPrefersADeviceThatItHadToGuess) {
  const auto document = parse_json(R"({"kind": "estimate", "version": 1, "network": "resnet50",
      "items": 1000000, "epochs": 1, "configurations": [
      {"gpu": "Quux 9000", "usd_per_hour": 0.01}, {"gpu": "V100", "usd_per_hour": 3}]})");
  const auto request = parse_request(*document);
  ASSERT_TRUE(request) << describe(request.error());
  const auto advice = advise({}, request->work, request->offers);
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->rows[advice->recommended].offer, 1U);
  const auto& known = advice->rows[advice->recommended].runtime_s;
  const auto& row = advice->rows[1 - advice->recommended];
  EXPECT_NE(row.note.find("no data sheet is known for Quux 9000"), std::string::npos) << row.note;
  EXPECT_GT(row.runtime_s.p90 / row.runtime_s.p10, 4 * known.p90 / known.p10);
}

TEST(Advice, RefusesAWorkloadWithoutLength) {
  Workload work = resnet_training();
  work.epochs = 0;
  const auto advice = advise({}, work, std::vector{offer_of("V100", 1, 1)});
  ASSERT_FALSE(advice);
  EXPECT_EQ(advice.error().field, "epochs");
}

TEST(Memory, CountsWeightsOptimiserAndActivations) {
  JobFeatures job{.network = {"net", 1, 1000, 100, 10}, .gpu = gpu("A100 80GB")};
  job.batch_per_gpu = 10;
  const auto need = memory_need(job);
  EXPECT_DOUBLE_EQ(need.model_gb, 16);
  EXPECT_DOUBLE_EQ(need.activations_gb, 1);
  job.precision = Precision::fp16;
  EXPECT_DOUBLE_EQ(memory_need(job).activations_gb, 0.5);
  EXPECT_EQ(memory_fit(job), Fit::yes);
  job.batch_per_gpu = largest_batch(job);
  EXPECT_NE(memory_fit(job), Fit::no);
  job.batch_per_gpu *= 1.5;
  EXPECT_EQ(memory_fit(job), Fit::no);
  job.network.activation_mb = 0;
  EXPECT_EQ(memory_fit(job), Fit::unknown);
}

}  // namespace
}  // namespace galley::estimator
