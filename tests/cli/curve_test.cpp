#include "curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "terminal.h"

namespace galley::cli {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST(Curve, FallsFromTheTopLeftToTheBottomRight) {
  const std::vector<double> steps{0, 50, 100};
  const std::vector<double> values{1, 0.5, 0};
  const auto lines = lines_of(draw_curve(steps, values, {.columns = 20, .rows = 3}));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[0], ::testing::StartsWith("1 │⠉"));
  EXPECT_THAT(lines[2], ::testing::StartsWith("0 │⠀"));
  EXPECT_THAT(lines[2], ::testing::Not(::testing::EndsWith("⠀")));
  EXPECT_THAT(lines[3], ::testing::StartsWith("  └0"));
  EXPECT_THAT(lines[3], ::testing::EndsWith("100"));
  for (const auto& line : lines) EXPECT_LE(display_width(line), 20U) << line;
}

TEST(Curve, SurvivesWhatIsNoNumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double huge = std::numeric_limits<double>::max();
  const std::vector<double> steps{0, 1, 2, 3};
  EXPECT_EQ(draw_curve(steps, std::vector<double>(4, nan), {}), "");
  EXPECT_EQ(draw_curve({}, {}, {}), "");
  EXPECT_NE(draw_curve(steps, std::vector<double>{nan, 1, INFINITY, 2}, {}), "");
  EXPECT_NE(draw_curve(steps, std::vector<double>{-huge, huge, -huge, 0}, {}), "");
  EXPECT_NE(draw_curve(std::vector<double>{5}, std::vector<double>{3}, {.columns = 1, .rows = 0}),
            "");
}

TEST(ShortNumber, KeepsWhatMatters) {
  EXPECT_EQ(short_number(0.412739), "0.4127");
  EXPECT_EQ(short_number(120), "120");
  EXPECT_EQ(short_number(1.25e-7), "1.25e-07");
  EXPECT_EQ(short_number(std::nan("")), "nan");
}

}  // namespace
}  // namespace galley::cli
