#include "controller/availability.h"

#include <gtest/gtest.h>

#include "store/database.h"
#include "support/database.h"
#include "support/temp_folder.h"

namespace galley::controller {
namespace {

// 2026-11-21T23:59:50Z
constexpr WallTime kLate{Millis{1'795'305'590'000}};

ServiceState accepted_at(WallTime time) { return {.accepted = time, .watcher = {}, .watched = {}}; }

Finding outside(std::optional<Millis> refused_for = std::nullopt) {
  return {.by = "b",
          .accepted = true,
          .from_outside = true,
          .refused_for = refused_for,
          .silence = Millis{3'000}};
}

TEST(Outages, AProbeThatComesInTimeEndsNone) {
  EXPECT_FALSE(outage_before(accepted_at(kLate), outside(), kLate + Millis{1'200}));
}

TEST(Outages, ARefusalIsCountedFromTheLastProbeThatWasAccepted) {
  const WallTime now = kLate + Millis{1'400};
  const auto outage = outage_before(accepted_at(kLate), outside(Millis{400}), now);
  ASSERT_TRUE(outage);
  EXPECT_EQ(outage->from, kLate);
  EXPECT_EQ(outage->to, now);
}

TEST(Outages, WhoeverWasCutOffAloneSawNone) {
  const WallTime now = kLate + Millis{60'000};
  EXPECT_FALSE(outage_before(accepted_at(now - Millis{500}), outside(Millis{59'000}), now));
}

TEST(Outages, SilenceOfAllIsOne) {
  const WallTime now = kLate + Millis{3'001};
  EXPECT_TRUE(outage_before(accepted_at(kLate), outside(), now));
}

TEST(Outages, ClocksThatWereSetBackMakeNone) {
  EXPECT_FALSE(outage_before(accepted_at(kLate), outside(Millis{0}), kLate - Millis{5'000}));
}

TEST(Outages, ALeaderIsNotHeardOfItselfWhileAnotherWatches) {
  const ServiceState state{.accepted = kLate, .watcher = "b", .watched = kLate};
  Finding self{.by = "a", .accepted = true};
  EXPECT_FALSE(is_heard(state, self, kLate + Millis{2'000}));
  EXPECT_TRUE(is_heard(state, self, kLate + Millis{3'000})) << "the other is gone";
  self.by = "b";
  EXPECT_TRUE(is_heard(state, self, kLate)) << "it watched, and leads now";
}

TEST(Outages, AreSplitAtMidnight) {
  const auto days = days_of({kLate, kLate + Millis{86'400'000 + 15'000}});
  ASSERT_EQ(days.size(), 3U);
  EXPECT_EQ(days[0].name, "2026-11-21");
  EXPECT_EQ(days[0].down_ms, 10'000);
  EXPECT_EQ(days[1].name, "2026-11-22");
  EXPECT_EQ(days[1].down_ms, 86'400'000);
  EXPECT_EQ(days[2].name, "2026-11-23");
  EXPECT_EQ(days[2].longest_ms, 5'000);
}

TEST(Months, AddTheirDaysAndGoBackOverNewYear) {
  const std::vector<ServicePeriod> days{
      {.name = "2026-01-31", .down_ms = 2'000, .longest_ms = 1'500, .probes = 10},
      {.name = "2026-01-01", .down_ms = 1'000, .longest_ms = 1'000, .probes = 5},
      {.name = "2025-12-31", .down_ms = 7, .longest_ms = 7, .probes = 1}};
  const auto months = months_of(days, from_ms(1'769'904'000'000), 3);  // 2026-02-01
  ASSERT_EQ(months.size(), 3U);
  EXPECT_EQ(months[0].name, "2026-02");
  EXPECT_EQ(months[0].probes, 0);
  EXPECT_EQ(months[1].name, "2026-01");
  EXPECT_EQ(months[1].down_ms, 3'000);
  EXPECT_EQ(months[1].longest_ms, 1'500);
  EXPECT_EQ(months[1].probes, 15);
  EXPECT_EQ(months[2].name, "2025-12");
}

class StoredAvailability : public ::testing::Test {
 protected:
  StoredAvailability() {
    auto opened = testing::open_database(folder_.path(), store::migrations());
    GALLEY_CHECK(opened.has_value(), "a fresh database opens");
    database_ = *std::move(opened);
  }
  void record(const Finding& finding) {
    const auto status = record_finding(*database_, finding);
    ASSERT_TRUE(status) << describe(status.error());
  }
  /// As if the last acceptance lay so far back.
  void age(Millis by) {
    ASSERT_TRUE(database_->write([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY_STATUS(transaction.execute(
          "update availability_now set accepted_ms = accepted_ms - :1, watched_ms = watched_ms -"
          " :1",
          {by.count()}));
      return ok();
    }));
  }
  testing::TempFolder folder_;
  std::unique_ptr<store::Database> database_;
};

TEST_F(StoredAvailability, TwoWhoSawTheSameOutageCountItOnce) {
  record(outside());
  age(Millis{10'000});
  record({.by = "c", .accepted = false, .from_outside = true});
  record(outside(Millis{9'000}));
  Finding other = outside(Millis{9'000});
  other.by = "c";
  record(other);

  const auto found = read_availability(*database_);
  ASSERT_TRUE(found) << describe(found.error());
  EXPECT_EQ(found->probes, 3);
  EXPECT_GE(found->down_ms, 10'000);
  EXPECT_LT(found->down_ms, 15'000);
  EXPECT_EQ(found->down_ms_budgeted, found->down_ms);
  EXPECT_EQ(found->months.size(), static_cast<std::size_t>(kBudgetMonths));
}

TEST_F(StoredAvailability, TheFirstFindingOfAllIsNoOutage) {
  Finding start{.by = "a", .accepted = true};  // whose silence is none at all
  record(start);
  EXPECT_EQ(read_availability(*database_)->down_ms, 0);
  age(Millis{70'000});
  record(start);
  EXPECT_GE(read_availability(*database_)->down_ms, 70'000);
}

TEST_F(StoredAvailability, AWatchedLeaderCannotEndAnOutage) {
  record(outside());
  age(Millis{10'000});
  record({.by = "b", .accepted = false, .from_outside = true});
  record({.by = "a", .accepted = true});
  EXPECT_EQ(read_availability(*database_)->probes, 1);
}

}  // namespace
}  // namespace galley::controller
