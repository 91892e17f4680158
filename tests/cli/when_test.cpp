#include "when.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace galley::cli {
namespace {

const WallTime kNow = from_ms(1'700'000'000'000);

std::string ago(std::int64_t seconds) {
  return relative_time(from_ms(to_ms(kNow) - seconds * 1000), kNow);
}

TEST(RelativeTime, SpeaksAsPeopleDo) {
  EXPECT_EQ(ago(0), "just now");
  EXPECT_EQ(ago(42), "42 s ago");
  EXPECT_EQ(ago(180), "3 min ago");
  EXPECT_EQ(ago(5 * 3600 + 59), "5 h ago");
  EXPECT_EQ(ago(47 * 3600), "47 h ago");
  EXPECT_EQ(ago(3 * 86'400), "3 d ago");
  EXPECT_EQ(ago(30 * 86'400), "2023-10-15");
  EXPECT_EQ(ago(-180), "in 3 min");
}

TEST(RelativeTime, TakesWhatTheServerSent) {
  EXPECT_EQ(relative_time("", kNow), "");
  EXPECT_EQ(relative_time("soon", kNow), "soon");
  EXPECT_EQ(relative_time(to_rfc3339(from_ms(to_ms(kNow) - 60'000)), kNow), "1 min ago");
}

TEST(ParseTimeHere, TakesATimeWithAZoneAsItIs) {
  EXPECT_EQ(to_rfc3339(*parse_time_here("--at", "2026-12-01T09:00+09:00")),
            "2026-12-01T00:00:00.000Z");
}

TEST(ParseTimeHere, ReadsATimeWithoutAZoneAsThisMachinesOwn) {
  ::setenv("TZ", "<+09>-9", 1);
  ::tzset();
  EXPECT_EQ(to_rfc3339(*parse_time_here("--at", "2026-12-01T09:00")), "2026-12-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(*parse_time_here("--at", "2026-12-01")), "2026-11-30T15:00:00.000Z");
  ::unsetenv("TZ");
  ::tzset();
}

TEST(ParseTimeHere, NamesTheOptionThatIsWrong) {
  const auto wrong = parse_time_here("--at", "tomorrow");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(describe(wrong.error()),
            "--at: found 'tomorrow'; expected a time, such as 2026-12-01T09:00 or "
            "2026-12-01T09:00+09:00");
}

TEST(ElapsedTime, RunsOnWithoutAnEnd) {
  const std::string start = to_rfc3339(from_ms(to_ms(kNow) - 5000));
  EXPECT_EQ(elapsed_time(start, "", kNow), "5.0 s");
  EXPECT_EQ(elapsed_time(start, to_rfc3339(from_ms(to_ms(kNow) - 4000)), kNow), "1.0 s");
  EXPECT_EQ(elapsed_time("", "", kNow), "");
  // Its clock is ahead of ours.
  EXPECT_EQ(elapsed_time(to_rfc3339(from_ms(to_ms(kNow) + 5000)), "", kNow), "0 ms");
}

}  // namespace
}  // namespace galley::cli
