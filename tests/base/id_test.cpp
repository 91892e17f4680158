#include "base/id.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <unordered_set>
#include <vector>

namespace galley {
namespace {

struct ThingTag {
  static constexpr std::string_view prefix = "thing_";
};
using ThingId = Id<ThingTag>;

class BackwardsClock final : public Clock {
 public:
  WallTime wall() const override { return from_ms(now_ms--); }
  Instant steady() const override { return {}; }
  mutable std::int64_t now_ms = 1'700'000'000'000;
};

TEST(Id, ReadsWhatTheSourceMakes) {
  const ManualClock clock;
  IdSource ids(clock, 7);
  const ThingId id = ids.next<ThingTag>();
  EXPECT_EQ(id.str().size(), 6U + 26U);
  const auto again = ThingId::parse(id.str());
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, id);
}

TEST(Id, RefusesOtherTexts) {
  const std::string body(26, '0');
  EXPECT_TRUE(ThingId::parse("thing_" + body));
  for (const std::string& text :
       {std::string(), std::string("thing_"), "job_" + body, "thing_" + body + "0",
        "thing_" + body.substr(1), "thing_8" + body.substr(1), "thing_I" + body.substr(1),
        "thing_" + body.substr(1) + "u", "thing_" + body.substr(1) + "A", "Thing_" + body}) {
    const auto id = ThingId::parse(text);
    ASSERT_FALSE(id) << text;
    EXPECT_EQ(id.error().code, Errc::invalid_argument);
    EXPECT_EQ(id.error().expected, "thing_ and 26 base32 characters");
  }
}

TEST(Id, AnOverlongTextIsNotRepeatedInFull) {
  const auto id = ThingId::parse(std::string(100'000, 'x'));
  ASSERT_FALSE(id);
  EXPECT_LT(id.error().message.size(), 200U);
}

TEST(IdSource, GrowsWithinOneMillisecondAndWhenTheClockStepsBack) {
  const BackwardsClock clock;
  IdSource ids(clock, 1);
  std::string last = ids.next_body();
  for (int i = 0; i < 10'000; ++i) {
    const std::string next = ids.next_body();
    ASSERT_LT(last, next);
    ASSERT_TRUE(is_id_body(next));
    last = next;
  }
}

TEST(IdSource, SortsByTimeOfCreation) {
  ManualClock clock;
  IdSource early(clock, 1);
  const std::string first = early.next_body();
  clock.advance(Millis(1));
  IdSource late(clock, 2);
  EXPECT_LT(first, late.next_body());
}

TEST(IdSource, TwoSourcesOfOneMillisecondDiffer) {
  const ManualClock clock;
  IdSource a(clock);
  IdSource b(clock);
  EXPECT_NE(a.next_body(), b.next_body());
}

TEST(IdSource, GivesEachThreadItsOwnIds) {
  constexpr std::size_t kEach = 2'000;
  const ManualClock clock;
  IdSource ids(clock, 3);
  std::vector<std::vector<std::string>> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& list : made)
      threads.emplace_back([&] {
        for (std::size_t i = 0; i < kEach; ++i) list.push_back(ids.next_body());
      });
  }
  std::unordered_set<std::string> all;
  for (const auto& list : made) {
    EXPECT_TRUE(std::ranges::is_sorted(list));
    all.insert(list.begin(), list.end());
  }
  EXPECT_EQ(all.size(), made.size() * kEach);
}

}  // namespace
}  // namespace galley
