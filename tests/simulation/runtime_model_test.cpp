#include "simulation/runtime_model.h"

#include <gtest/gtest.h>

namespace galley::simulation {
namespace {

constexpr TeamIndex kA{0};
constexpr TeamIndex kB{1};

void expect_about(Millis found, double seconds) {
  const double ratio = static_cast<double>(found.count()) / 1e3 / seconds;
  EXPECT_GE(ratio, 0.99) << found.count();
  EXPECT_LE(ratio, 1.4) << found.count();
}

TEST(RuntimeModel, KnowsNothingAtFirst) { EXPECT_FALSE(RuntimeModel().predict(kA, 1)); }

TEST(RuntimeModel, PrefersTheTeamThenTheSizeThenAll) {
  RuntimeModel model;
  for (int i = 0; i < 100; ++i) model.learn(kA, 1, Millis{i < 80 ? 100'000 : 5'000'000});
  for (int i = 0; i < 5; ++i) model.learn(kB, 1, Millis{1'000});

  const auto own = model.predict(kA, 1);
  ASSERT_TRUE(own);
  expect_about(own->typical, 100);
  expect_about(own->long_one, 5000);
  expect_about(model.predict(kB, 1)->typical, 100);  // five of its own are too few
  expect_about(model.predict(kB, 64)->typical, 100);
}

TEST(RuntimeModel, FollowsWhatChanges) {
  RuntimeModel model;
  for (int i = 0; i < 5000; ++i) model.learn(kA, 1, Millis{100'000});
  for (int i = 0; i < 5000; ++i) model.learn(kA, 1, Millis{1'000'000});
  expect_about(model.predict(kA, 1)->typical, 1000);
}

}  // namespace
}  // namespace galley::simulation
