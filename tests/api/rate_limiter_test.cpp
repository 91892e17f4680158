#include "rate_limiter.h"

#include <gtest/gtest.h>

namespace galley::api {
namespace {

TEST(RateLimiter, GivesTheBurstThenTheRate) {
  ManualClock clock;
  RateLimiter limiter(clock, {.per_s = 2, .burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.spend("a"));
  EXPECT_EQ(limiter.spend("a"), Millis{500});
  EXPECT_FALSE(limiter.spend("b"));  // another's bucket is its own
  clock.advance(Millis{499});
  EXPECT_TRUE(limiter.spend("a"));
  clock.advance(Millis{2});
  EXPECT_FALSE(limiter.spend("a"));
  EXPECT_TRUE(limiter.spend("a"));
  clock.advance(std::chrono::hours(1));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.spend("a"));
  EXPECT_TRUE(limiter.spend("a"));
}

TEST(RateLimiter, AskingSpendsNothing) {
  ManualClock clock;
  RateLimiter limiter(clock, {.per_s = 1, .burst = 1});
  EXPECT_FALSE(limiter.ask("a"));
  EXPECT_FALSE(limiter.ask("a"));
  EXPECT_FALSE(limiter.spend("a"));
  EXPECT_EQ(limiter.ask("a"), Millis{1000});
  EXPECT_EQ(limiter.ask("a"), Millis{1000});
}

TEST(RateLimiter, ManyKeysAreForgottenWhenFullAgain) {
  ManualClock clock;
  RateLimiter limiter(clock, {.per_s = 1, .burst = 1});
  for (std::size_t i = 0; i < RateLimiter::kMaxKeys - 1; ++i)
    EXPECT_FALSE(limiter.spend(std::to_string(i)));
  clock.advance(Millis{5'000});
  EXPECT_FALSE(limiter.spend("bad"));
  EXPECT_FALSE(limiter.spend("next"));  // makes room: all but the bad one are full
  EXPECT_TRUE(limiter.spend("bad"));
}

}  // namespace
}  // namespace galley::api
