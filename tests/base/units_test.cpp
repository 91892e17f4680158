#include "base/units.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace galley {
namespace {

constexpr std::int64_t kGi = std::int64_t{1} << 30;

std::int64_t size_of(std::string_view text) { return parse_bytes(text).value_or(-1); }
std::int64_t ms_of(std::string_view text) {
  return parse_duration(text).value_or(Millis{-1}).count();
}

TEST(Bytes, ReadsUnits) {
  EXPECT_EQ(size_of("4096"), 4096);
  EXPECT_EQ(size_of("17 B"), 17);
  EXPECT_EQ(size_of("32GiB"), 32 * kGi);
  EXPECT_EQ(size_of("32G"), 32 * kGi);
  EXPECT_EQ(size_of("1.5 GB"), 1'500'000'000);
  EXPECT_EQ(size_of("2Ki"), 2048);
  EXPECT_EQ(size_of("0"), 0);
}

TEST(Bytes, RefusesWhatIsNoSize) {
  for (const auto text : {"", "GiB", "-1", "1e3", "1.2.3GiB", "5 apples", "5gib", ".", "1 GiB x",
                          "9999999TiB", "99999999999999999999"}) {
    const auto bytes = parse_bytes(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().code, Errc::invalid_argument);
    EXPECT_NE(bytes.error().expected.find("32GiB"), std::string::npos);
  }
}

TEST(Bytes, PrintsAtMostOneDecimal) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1 KiB");
  EXPECT_EQ(format_bytes(1536 * 1024), "1.5 MiB");
  EXPECT_EQ(format_bytes(32 * kGi), "32 GiB");
  EXPECT_EQ(format_bytes(kGi - 1), "1 GiB");
}

RC_GTEST_PROP(Bytes, PrintingLosesAtMostFivePercent, ()) {
  const auto bytes = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 48);
  const auto again = parse_bytes(format_bytes(bytes));
  RC_ASSERT(again.has_value());
  RC_ASSERT(std::abs(static_cast<double>(*again - bytes)) <= 0.05 * static_cast<double>(bytes));
}

TEST(Duration, ReadsUnits) {
  EXPECT_EQ(ms_of("500ms"), 500);
  EXPECT_EQ(ms_of("45"), 45'000);
  EXPECT_EQ(ms_of("45s"), 45'000);
  EXPECT_EQ(ms_of("90m"), 5'400'000);
  EXPECT_EQ(ms_of("1h30m"), 5'400'000);
  EXPECT_EQ(ms_of("1h 30m"), 5'400'000);
  EXPECT_EQ(ms_of("1.5h"), 5'400'000);
  EXPECT_EQ(ms_of("2d"), 172'800'000);
}

TEST(Duration, RefusesWhatIsNoDuration) {
  for (const auto text : {"", "m", "-5m", "5 minutes", "1e9", "5m x", "45 30m", "999999999999d"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().code, Errc::invalid_argument);
  }
}

TEST(Duration, RefusesABareNumberThatCouldBeMinutesOrSeconds) {
  EXPECT_FALSE(parse_duration("1h30"));
}

TEST(Duration, PrintsForPeople) {
  EXPECT_EQ(format_duration(Millis(350)), "350 ms");
  EXPECT_EQ(format_duration(Millis(4'200)), "4.2 s");
  EXPECT_EQ(format_duration(Millis(59'999)), "1 min 0 s");
  EXPECT_EQ(format_duration(Millis(185'000)), "3 min 5 s");
  EXPECT_EQ(format_duration(Millis(7'440'000)), "2 h 4 min");
  EXPECT_EQ(format_duration(Millis(266'400'000)), "3 d 2 h");
}

}  // namespace
}  // namespace galley
