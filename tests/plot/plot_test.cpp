#include <gtest/gtest.h>

#include <limits>

#include "plot/page.h"
#include "plot/svg.h"

namespace galley::plot {
namespace {

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> texts;
  for (const Tick& tick : axis.ticks) texts.push_back(tick.label);
  return texts;
}

TEST(Axes, HaveRoundTicks) {
  EXPECT_EQ(labels(linear_axis("", 100, " %")),
            (std::vector<std::string>{"0 %", "20 %", "40 %", "60 %", "80 %", "100 %"}));
  EXPECT_EQ(labels(linear_axis("", 20'000)).back(), "20,000");
  EXPECT_EQ(labels(count_axis("", 500)), (std::vector<std::string>{"1", "10", "100"}));
  const std::vector<double> batches{1, 2, 4, 8};
  EXPECT_EQ(labels(steps_axis("", batches)), (std::vector<std::string>{"1", "2", "4", "8"}));
}

TEST(Axes, ANarrowRangeIsNotSqueezedIntoACorner) {
  const Axis narrow = range_axis("", 365, 410);
  EXPECT_EQ(narrow.from, 360);
  EXPECT_EQ(narrow.to, 410);
  EXPECT_EQ(range_axis("", 10, 410).from, 0);
  EXPECT_EQ(range_axis("", 7, 7).from, 0);
}

TEST(Axes, LogarithmicOnesReachAroundTheValues) {
  const Axis narrow = log_axis("", 30, 400);
  EXPECT_EQ(narrow.from, 20);
  EXPECT_EQ(narrow.to, 500);
  EXPECT_EQ(labels(narrow), (std::vector<std::string>{"20", "50", "100", "200", "500"}));
  const Axis wide = log_axis("", 3, 4e6);
  EXPECT_EQ(wide.from, 1);
  EXPECT_EQ(wide.to, 1e7);
  const Axis nothing = log_axis("", 0, 0);
  EXPECT_LT(nothing.from, nothing.to);
}

TEST(Numbers, ShowThreeDigitsThatMatter) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(12.345), "12.3");
  EXPECT_EQ(short_number(0.0031415), "0.00314");
  EXPECT_EQ(short_number(1234567), "1,234,567");
  EXPECT_EQ(short_number(-1234), "-1,234");
  EXPECT_EQ(short_number(999.6), "1,000");
  EXPECT_EQ(short_number(50), "50");
  EXPECT_EQ(short_number(std::numeric_limits<double>::infinity()), "–");
}

TEST(Pictures, EscapeNamesAndStayInTheFrame) {
  const std::string svg =
      line_plot(linear_axis("x", 10), linear_axis("y <1>", 10),
                {{"a \"b\" & c", 0, {{-5, 50}, {5, 5}}, LineStyle::line_and_dots, {{5, 4, 99}}}});
  EXPECT_NE(svg.find("a &quot;b&quot; &amp; c"), std::string::npos);
  EXPECT_NE(svg.find("y &lt;1&gt;"), std::string::npos);
  EXPECT_NE(svg.find("66.0,34.0"), std::string::npos) << svg;  // cut at the corner
  EXPECT_NE(svg.find("class=\"whisker c0\""), std::string::npos);
}

TEST(Pictures, ManyNamesOfGroupsLean) {
  const auto label = [](double) { return std::string(); };
  const auto draw = [&](const std::vector<std::string>& groups) {
    return bar_plot(linear_axis("y", 2), groups,
                    {{"bars", 0, std::vector<double>(groups.size(), 1), {}}}, label);
  };
  EXPECT_EQ(draw({"a", "b"}).find("rotate(-28)"), std::string::npos);
  EXPECT_NE(draw(std::vector<std::string>(12, "avx512_vnni")).find("rotate(-28)"),
            std::string::npos);
}

TEST(Pictures, HeatMapsTellRefusalsFromValues) {
  using Kind = HeatMap::Cell::Kind;
  const std::string svg = heat_map({.label = "map",
                                    .x_title = "x",
                                    .y_title = "y",
                                    .columns = {"1", "2"},
                                    .rows = {"8", "16"},
                                    .cells = {{Kind::value, 1, "1 ms", "one"},
                                              {Kind::value, 100, "100 ms", "hundred"},
                                              {Kind::empty, 0, "fits", "not measured"},
                                              {Kind::refused, 0, "2 GB", "too <much>"}}});
  EXPECT_NE(svg.find("fill-opacity=\"0.10\""), std::string::npos);
  EXPECT_NE(svg.find("fill-opacity=\"0.72\""), std::string::npos);
  EXPECT_NE(svg.find("class=\"cross\""), std::string::npos);
  EXPECT_NE(svg.find("too &lt;much&gt;"), std::string::npos);
}

TEST(Pages, LoadAndRunNothing) {
  const std::string page = open_page("a <b>", ".more{}");
  EXPECT_NE(page.find("<title>a &lt;b&gt;</title>"), std::string::npos);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(page.find(".more{}"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
}

}  // namespace
}  // namespace galley::plot
