#include "base/clock.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace galley {
namespace {

WallTime parsed(std::string_view text) {
  auto time = parse_rfc3339(text);
  EXPECT_TRUE(time) << text;
  return time ? *time : WallTime{};
}

TEST(Rfc3339, PrintsUtcWithMilliseconds) {
  EXPECT_EQ(to_rfc3339(from_ms(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(from_ms(1'700'000'000'123)), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(to_rfc3339(from_ms(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, ReadsZonesAndShortForms) {
  const WallTime nine_utc = parsed("2026-12-01T09:00:00.000Z");

  EXPECT_EQ(parsed("2026-12-01T09:00Z"), nine_utc);
  EXPECT_EQ(parsed("2026-12-01 09:00:00z"), nine_utc);
  EXPECT_EQ(parsed("2026-12-01T18:00+09:00"), nine_utc);
  EXPECT_EQ(parsed("2026-12-01T18:00+0900"), nine_utc);
  EXPECT_EQ(parsed("2026-12-01T05:30-03:30"), nine_utc);
  EXPECT_EQ(parsed("2026-12-01T00:00-09:00"), nine_utc);
  EXPECT_EQ(parsed("2026-12-01"), nine_utc - std::chrono::hours(9));
  EXPECT_EQ(parsed("2026-12-01T09:00:00.5Z"), nine_utc + Millis(500));
  EXPECT_EQ(parsed("2026-12-01T09:00:00.1239999Z"), nine_utc + Millis(123));
  EXPECT_EQ(parsed("2024-02-29"), parsed("2024-03-01") - std::chrono::hours(24));
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
  for (const auto text : {"",
                          "x",
                          "2026",
                          "2026-12",
                          "2026-13-01",
                          "2026-02-29",
                          "2026-12-01T",
                          "2026-12-01T9:00Z",
                          "2026-12-01T09:00",
                          "2026-12-01T24:00Z",
                          "2026-12-01T09:60Z",
                          "2026-12-01T09:00:60Z",
                          "2026-12-01T09:00:00.Z",
                          "2026-12-01T09:00+",
                          "2026-12-01T09:00+9:00",
                          "2026-12-01T09:00+24:00",
                          "2026-12-01T09:00+09:60",
                          "2026-12-01T09:00Zx",
                          "+026-12-01",
                          "tomorrow"}) {
    const auto time = parse_rfc3339(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, Errc::invalid_argument);
    EXPECT_NE(time.error().expected.find("2026-12-01T09:00+09:00"), std::string::npos);
  }
}

TEST(Rfc3339, RefusesATimeThatItsZoneCarriesPastFourDigitYears) {
  EXPECT_TRUE(parse_rfc3339("9999-12-31T23:59:59.999Z"));
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59-01:00"));
  EXPECT_TRUE(parse_rfc3339("0000-01-01T00:00Z"));
  EXPECT_FALSE(parse_rfc3339("0000-01-01T00:00+01:00"));
}

RC_GTEST_PROP(Rfc3339, ReadsBackWhatItPrints, ()) {
  const auto ms = *rc::gen::inRange<std::int64_t>(-62'167'219'200'000, 253'402'300'800'000);
  const auto again = parse_rfc3339(to_rfc3339(from_ms(ms)));
  RC_ASSERT(again.has_value());
  RC_ASSERT(to_ms(*again) == ms);
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock;
  const WallTime wall = clock.wall();
  const Instant steady = clock.steady();
  EXPECT_EQ(clock.wall(), wall);
  clock.advance(Millis(250));
  EXPECT_EQ(clock.wall() - wall, Millis(250));
  EXPECT_EQ(clock.steady() - steady, Millis(250));
}

}  // namespace
}  // namespace galley
