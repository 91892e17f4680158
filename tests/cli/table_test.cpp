#include "table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "progress.h"
#include "terminal.h"

namespace galley::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(DisplayWidth, CountsColumnsAndNotBytes) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("한국어"), 6U);
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("é"), 1U);
  EXPECT_EQ(display_width("e\xcc\x81"), 1U);  // a combining accent takes none
  EXPECT_EQ(display_width("🎬"), 2U);
  EXPECT_EQ(display_width("\xff"), 1U);  // shown as U+FFFD
}

TEST(FitWidth, CutsBetweenCharactersAndMarksTheCut) {
  EXPECT_EQ(fit_width("abcdef", 6), "abcdef");
  EXPECT_EQ(fit_width("abcdef", 4), "abc…");
  EXPECT_EQ(fit_width("한국어", 4), "한…");  // half of a wide character cannot be shown
  EXPECT_EQ(fit_width("abc", 0), "");
}

TEST(Table, AlignsWideTextAndNumbers) {
  Table table({{.title = "NAME"}, {.title = "N", .right = true}, {.title = "END"}});
  table.add({{"한국"}, {"7"}, {"x"}});
  table.add({{"abc"}, {"123"}, {"y"}});
  EXPECT_EQ(table.print(0, false),
            "NAME    N  END\n"
            "한국    7  x\n"
            "abc   123  y\n");
}

TEST(Table, CutsLongColumnsThenDropsOptionalOnes) {
  Table table({{.title = "ID"},
               {.title = "NAME", .min_width = 5},
               {.title = "NOTE", .min_width = 4, .drop_rank = 1}});
  table.add({{"job_1"}, {"a-very-long-name"}, {"some note"}});
  for (const std::size_t width : {40U, 30U, 20U, 12U}) {
    std::size_t widest = 0;
    const std::string text = table.print(width, false);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      widest = std::max(widest, display_width(text.substr(at, end - at)));
      at = end + 1;
    }
    EXPECT_LE(widest, width) << text;
    EXPECT_THAT(text, HasSubstr("job_1"));
  }
  EXPECT_THAT(table.print(12, false), Not(HasSubstr("NOTE")));
}

TEST(Table, LeavesOutColumnsWithoutContent) {
  Table table({{.title = "A"}, {.title = "GPUS"}});
  table.add({{"x"}, {""}});
  EXPECT_EQ(table.print(0, false), "A\nx\n");
}

TEST(Table, ColoursOnlyWhenAskedAndNeverLetsCellsPaint) {
  Table table({{.title = "A"}});
  table.add({{"x\x1b[31m\ny", Style::good}});
  EXPECT_EQ(table.print(0, false), "A\nx [31m y\n");
  EXPECT_THAT(table.print(0, true), HasSubstr("\x1b[32mx [31m y\x1b[0m"));
}

TEST(ProgressLine, ShowsTheShareAndFits) {
  EXPECT_THAT(progress_line("data", 0.5, "1 MiB", 79), HasSubstr("[###############    "));
  EXPECT_THAT(progress_line("data", 0.5, "1 MiB", 79), HasSubstr(" 50 %  1 MiB"));
  EXPECT_THAT(progress_line("data", 7, "", 79), HasSubstr("100 %"));
  EXPECT_LE(display_width(progress_line(std::string(200, 'x'), 0.1, "d", 79)), 79U);
}

}  // namespace
}  // namespace galley::cli
