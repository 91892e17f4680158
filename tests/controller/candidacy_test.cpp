#include "candidacy.h"

#include <gtest/gtest.h>

namespace galley::controller {
namespace {

using std::chrono::milliseconds;
using store::Lease;

constexpr Millis kPatience{2'000};

class CandidacyTest : public ::testing::Test {
 protected:
  bool look(const std::optional<Lease>& lease, int after_ms = 200) {
    now_ += milliseconds(after_ms);
    return candidacy_.should_take(lease, now_);
  }
  bool look_for(const Lease& lease, Millis span) {
    for (Millis waited{0}; waited < span; waited += Millis(200))
      if (look(lease)) return true;
    return false;
  }

  Candidacy candidacy_{"b", kPatience, Millis{0}};
  Instant now_{};
};

TEST_F(CandidacyTest, TakesWhatNobodyHolds) {
  EXPECT_TRUE(look(std::nullopt));
  EXPECT_TRUE(look(Lease{.holder = "", .epoch = 3}));
}

TEST_F(CandidacyTest, LeavesALeaderThatMovesInPeace) {
  Lease lease{.holder = "a", .epoch = 1};
  for (int i = 0; i < 100; ++i) {
    if (i % 3 == 0) ++lease.renewals;
    EXPECT_FALSE(look(lease));
  }
}

TEST_F(CandidacyTest, TakesOverWhenTheRowStandsStill) {
  const Lease lease{.holder = "a", .epoch = 1, .renewals = 7};
  EXPECT_FALSE(look(lease));
  EXPECT_FALSE(look_for(lease, kPatience - Millis(200)));
  EXPECT_TRUE(look(lease));
}

TEST_F(CandidacyTest, KnowsWhetherTheHolderIsAlive) {
  Lease lease{.holder = "a", .epoch = 1, .renewals = 7};
  EXPECT_FALSE(candidacy_.is_alive(Millis(1'000)));  // it has not looked
  look(lease);
  look_for(lease, Millis(800));
  EXPECT_TRUE(candidacy_.is_alive(Millis(1'000)));
  look(lease);
  EXPECT_FALSE(candidacy_.is_alive(Millis(1'000)));
  ++lease.renewals;
  look(lease);
  EXPECT_TRUE(candidacy_.is_alive(Millis(1'000)));
}

TEST_F(CandidacyTest, CountsAnewAfterItCouldNotLook) {
  const Lease lease{.holder = "a", .epoch = 1, .renewals = 7};
  EXPECT_FALSE(look(lease));
  EXPECT_FALSE(look(lease, 30'000)) << "the database was away, for the leader too";
  EXPECT_FALSE(look_for(lease, kPatience - Millis(200)));
  EXPECT_TRUE(look(lease));
}

TEST_F(CandidacyTest, FollowsWhenItIsNamed) {
  EXPECT_FALSE(look(Lease{.holder = "a", .epoch = 1, .successor = "c"}));
  EXPECT_TRUE(look(Lease{.holder = "a", .epoch = 1, .successor = "b"}));
}

TEST_F(CandidacyTest, AWarmOneWaitsLonger) {
  candidacy_ = Candidacy("b", kPatience, Millis{3'000});
  const Lease lease{.holder = "a", .epoch = 1};
  EXPECT_FALSE(look_for(lease, kPatience + Millis(2'600)));
  EXPECT_TRUE(look_for(lease, Millis(1'000)));
}

}  // namespace
}  // namespace galley::controller
