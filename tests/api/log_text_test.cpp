#include "log_text.h"

#include <gtest/gtest.h>

namespace galley::api {
namespace {

TEST(IncompleteTail, CountsTheBytesOfACharacterThatWasCut) {
  const std::string text = "aß€😀";
  EXPECT_EQ(incomplete_utf8_tail(text), 0U);
  EXPECT_EQ(incomplete_utf8_tail(text.substr(0, 2)), 1U);  // of ß
  EXPECT_EQ(incomplete_utf8_tail(text.substr(0, 5)), 2U);  // of €
  EXPECT_EQ(incomplete_utf8_tail(text.substr(0, 9)), 3U);  // of 😀
  EXPECT_EQ(incomplete_utf8_tail(""), 0U);
}

TEST(IncompleteTail, DoesNotWaitForWhatIsNoCharacter) {
  EXPECT_EQ(incomplete_utf8_tail("a\x80\x80\x80\x80"), 0U);
  EXPECT_EQ(incomplete_utf8_tail("a\xff"), 0U);
  EXPECT_EQ(incomplete_utf8_tail("a\xc0"), 0U);
}

TEST(LogEvent, ReplacesBytesThatAreNoText) {
  EXPECT_EQ(log_event(7, 1, "a\xff\n"), R"({"attempt":1,"offset":7,"text":"a�\n"})");
}

}  // namespace
}  // namespace galley::api
