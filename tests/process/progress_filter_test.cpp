#include "process/progress_filter.h"

#include <gmock/gmock.h>

#include <random>

#include "support/temp_folder.h"

namespace galley::process {
namespace {

using galley::testing::TempFolder;

std::string filter(std::string_view text, std::size_t piece) {
  ProgressFilter filter;
  std::string lines;
  for (std::size_t at = 0; at < text.size(); at += piece)
    filter.feed(text.substr(at, piece), lines);
  filter.finish(lines);
  return lines;
}

TEST(ProgressFilter, KeepsOnlyLinesThatBeginWithThePrefix) {
  const std::string text =
      "hello\ngalley:: step=1\n galley:: no\ngalley: no\ngalley:: step=2\ngalley::\nx galley:: "
      "no\n";
  const std::string expected = "galley:: step=1\ngalley:: step=2\ngalley::\n";

  for (std::size_t piece = 1; piece <= text.size(); ++piece)
    EXPECT_EQ(filter(text, piece), expected) << "in pieces of " << piece;
}

TEST(ProgressFilter, TheFirstAndTheUnfinishedLastLineCount) {
  EXPECT_EQ(filter("galley:: a=1\ngalley:: b=2", 5), "galley:: a=1\ngalley:: b=2\n");
  EXPECT_EQ(filter("galley:", 5), "");
}

TEST(ProgressFilter, ALineBeyondTheLimitIsNotProgress) {
  const std::string longest =
      "galley::" + std::string(ProgressFilter::kMostLineBytes - 8, 'x') + "\n";
  const std::string too_long =
      "galley::" + std::string(ProgressFilter::kMostLineBytes - 7, 'y') + "\n";

  EXPECT_EQ(filter(longest + too_long + "galley:: z\n", 1000), longest + "galley:: z\n");
}

TEST(ProgressFilter, AgreesWithTheObviousWayOnRandomText) {
  const std::string words[] = {"galley::", "galley:", "\n", "g", "x", "\n\n", "alley::", "\r"};
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int i = 0; i < 60; ++i) text += words[random() % std::size(words)];
    text += '\n';
    std::string expected;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      const auto line = text.substr(at, end - at);
      if (line.starts_with("galley::")) expected += line + "\n";
      at = end + 1;
    }
    EXPECT_EQ(filter(text, 1 + random() % 20), expected) << text;
  }
}

TEST(ProgressFile, CountsWhatPassesItsBound) {
  const TempFolder temp;
  auto file = ProgressFile::open(temp / "progress", 20);
  ASSERT_TRUE(file) << file.error().message;

  file->append("galley:: a\n");
  file->append("galley:: too long for it\n");
  file->append("galley::\n");
  file->append("x\n");

  EXPECT_EQ(file->lost_bytes(), 25 + 2);
  EXPECT_EQ(read_file(temp / "progress", 100).value_or(""), "galley:: a\ngalley::\n");
}

}  // namespace
}  // namespace galley::process
