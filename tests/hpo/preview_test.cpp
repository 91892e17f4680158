#include "hpo/preview.h"

#include <gtest/gtest.h>

#include <utility>

#include "study_world.h"

namespace galley::hpo {
namespace {

StudySpec preview_spec() {
  StudySpec spec;
  spec.measures = {{"accuracy", true}};
  spec.sampler = "tpe";
  spec.max_resource = 27;
  return spec;
}

Preview preview_of(const StudySpec& spec, const PreviewFacts& facts) {
  auto found = preview(spec, test::line_space(), facts);
  EXPECT_TRUE(found) << found.error().message;
  return std::move(found).value_or({});
}

TEST(Preview, CountsWholeTrialsExactly) {
  auto spec = preview_spec();
  spec.termination.max_sessions = 10;
  spec.gpus.per_trial = 2;
  const auto found = preview_of(spec, {.gpus = 8, .seconds_per_resource = 100, .startup_s = 50});
  EXPECT_EQ(found.trials, 10);
  ASSERT_EQ(found.lengths.size(), 1u);
  EXPECT_DOUBLE_EQ(found.lengths[0].mean_resource, 27);
  EXPECT_DOUBLE_EQ(found.gpu_hours, 10 * 2 * 2700 / 3600.0);
  EXPECT_DOUBLE_EQ(found.finish_s, 3 * (2700 + 50));  // four at a time
  EXPECT_FALSE(found.is_scaled);
  EXPECT_FALSE(found.is_endless);
}

TEST(Preview, OfSuccessiveHalvingSaysWhoEndsWhere) {
  auto spec = preview_spec();
  spec.stopping = {.method = Stopping::successive_halving, .rungs = 2};
  spec.stop_ratio = 0;
  spec.termination.max_sessions = 9;
  const auto found = preview_of(spec, {.gpus = 9, .seconds_per_resource = 10});
  ASSERT_EQ(found.lengths.size(), 3u);
  EXPECT_EQ(found.lengths[0].trials, 6);
  EXPECT_DOUBLE_EQ(found.lengths[0].mean_resource, 3);
  EXPECT_EQ(found.lengths[1].trials, 2);
  EXPECT_EQ(found.lengths[2].trials, 1);
  EXPECT_DOUBLE_EQ(found.gpu_hours, (6 * 3 + 2 * 9 + 27) * 10 / 3600.0);
  EXPECT_DOUBLE_EQ(found.finish_s, 270);
}

TEST(Preview, KeepsEveryLimitAndScalesBeyondWhatItPlays) {
  auto spec = preview_spec();
  spec.termination.max_gpu_hours = 30;
  const auto by_gpus = preview_of(spec, {.gpus = 4, .seconds_per_resource = 100});
  EXPECT_NEAR(by_gpus.gpu_hours, 30, 3.1);  // a limit is seen when a trial reports
  EXPECT_NE(by_gpus.ends_by.find("GPU-hours"), std::string::npos) << by_gpus.ends_by;
  spec.termination = {.max_hours = 2};
  const auto by_time = preview_of(spec, {.gpus = 4, .seconds_per_resource = 100});
  EXPECT_DOUBLE_EQ(by_time.finish_s, 7200);
  EXPECT_NEAR(by_time.gpu_hours, 8, 1e-9);
  spec.termination = {.max_sessions = 100'000};
  const auto many = preview_of(spec, {.gpus = 50, .seconds_per_resource = 1});
  EXPECT_TRUE(many.is_scaled);
  EXPECT_EQ(many.trials, 100'000);
  EXPECT_NEAR(many.gpu_hours, 100'000 * 27 / 3600.0, 1e-6);
  EXPECT_NEAR(many.finish_s, 2000 * 27, 1);
  spec.termination = {.target = 0.9};
  EXPECT_TRUE(preview_of(spec, {.gpus = 4, .seconds_per_resource = 1}).is_endless);
}

TEST(Preview, OfEveryMethodComesToAnEnd) {
  for (const auto method : {Stopping::median, Stopping::hyperband, Stopping::asha}) {
    auto spec = preview_spec();
    spec.stopping.method = method;
    spec.termination.max_sessions = 60;
    const auto found = preview_of(spec, {.gpus = 5, .seconds_per_resource = 10});
    std::int64_t sum = 0;
    for (const auto& length : found.lengths) sum += length.trials;
    EXPECT_EQ(sum, 60);
    EXPECT_GT(found.lengths.size(), 1u);
    EXPECT_LT(found.gpu_hours, 60 * 270 / 3600.0);
  }
  auto spec = preview_spec();
  spec.pbt.enabled = true;
  spec.step = 3;
  spec.population = 6;
  const auto found = preview_of(spec, {.gpus = 2, .seconds_per_resource = 10});
  EXPECT_EQ(found.trials, 6);
  EXPECT_NEAR(found.gpu_hours, 6 * 270 / 3600.0, 0.2);
  EXPECT_FALSE(found.is_endless);
}

TEST(Preview, RefusesFactsThatSayNothing) {
  auto spec = preview_spec();
  spec.termination.max_sessions = 5;
  EXPECT_EQ(preview(spec, test::line_space(), {}).error().field, "seconds_per_resource");
  spec.gpus.per_trial = 4;
  EXPECT_EQ(preview(spec, test::line_space(), {.gpus = 3, .seconds_per_resource = 1}).error().field,
            "gpus.per_trial");
  spec.sampler = "auto";
  EXPECT_EQ(preview(spec, test::line_space(), {.gpus = 4, .seconds_per_resource = 1}).error().field,
            "tune");
}

}  // namespace
}  // namespace galley::hpo
