#include "protocol/progress_line.h"

#include <gtest/gtest.h>

#include <cmath>

namespace galley::protocol {
namespace {

using Metrics = std::vector<std::pair<std::string, double>>;
using Texts = std::vector<std::pair<std::string, std::string>>;

ProgressLine read(std::string_view text) {
  auto line = parse_progress_line(text);
  EXPECT_TRUE(line) << text;
  return line.value_or(ProgressLine{});
}

TEST(ProgressLine, IsOnlyWhatBeginsWithThePrefix) {
  EXPECT_FALSE(parse_progress_line(""));
  EXPECT_FALSE(parse_progress_line("loss=1"));
  EXPECT_FALSE(parse_progress_line(" galley:: loss=1"));
  EXPECT_FALSE(parse_progress_line("galley: loss=1"));
  EXPECT_TRUE(parse_progress_line("galley::"));
}

TEST(ProgressLine, ReadsStepAndMetrics) {
  const auto line = read("galley:: step=120 loss=0.41 acc=+0.86 epoch=3 total_steps=900\r");
  EXPECT_EQ(line.step, 120);
  EXPECT_EQ(line.metrics,
            (Metrics{{"loss", 0.41}, {"acc", 0.86}, {"epoch", 3}, {"total_steps", 900}}));
}

TEST(ProgressLine, KeepsNumbersThatAreNone) {
  const auto line = read("galley:: a=nan b=inf c=-inf d=1e-9");
  ASSERT_EQ(line.metrics.size(), 4U);
  EXPECT_TRUE(std::isnan(line.metrics[0].second));
  EXPECT_EQ(line.metrics[1].second, HUGE_VAL);
  EXPECT_EQ(line.metrics[2].second, -HUGE_VAL);
  EXPECT_EQ(line.metrics[3].second, 1e-9);
}

TEST(ProgressLine, ReadsFilesAndTextsWithQuotes) {
  const auto line =
      read(R"(galley:: artifact="out dir/model" checkpoint=ck.bin note="say \"hi\" \\" host=a:b)");
  EXPECT_EQ(line.artifacts, std::vector<std::string>{"out dir/model"});
  EXPECT_EQ(line.checkpoints, std::vector<std::string>{"ck.bin"});
  EXPECT_EQ(line.texts, (Texts{{"note", R"(say "hi" \)"}, {"host", "a:b"}}));
}

TEST(ProgressLine, SkipsWordsThatAreNoPairs) {
  const auto line = read("galley:: hello =5 loss=1 world");
  EXPECT_EQ(line.metrics, (Metrics{{"loss", 1}}));
  EXPECT_TRUE(line.texts.empty());
}

TEST(ProgressLine, AStepThatCannotBeOneIsAMetric) {
  EXPECT_FALSE(read("galley:: step=-1").step);
  EXPECT_FALSE(read("galley:: step=9e99").step);
  EXPECT_FALSE(read("galley:: step=nan").step);
  EXPECT_EQ(read("galley:: step=7.0").step, 7);
}

TEST(ProgressLine, IsBounded) {
  std::string text = "galley::";
  for (int i = 0; i < 1000; ++i) text += " k" + std::to_string(i) + "=1";
  EXPECT_EQ(read(text).metrics.size(), 256U);
  EXPECT_TRUE(read("galley:: " + std::string(251, 'k') + "=1").metrics.empty());
  EXPECT_EQ(read("galley:: " + std::string(250, 'k') + "=1").metrics.size(), 1U);
}

TEST(ProgressLine, RepairsBrokenText) {
  EXPECT_EQ(read("galley:: note=a\xff").texts, (Texts{{"note", "a\xEF\xBF\xBD"}}));
}

}  // namespace
}  // namespace galley::protocol
