#include "inference/stop_matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace galley::inference {
namespace {

std::shared_ptr<const StopStrings> stops(const std::vector<std::string>& strings) {
  return *StopStrings::create(strings);
}

TEST(StopMatcher, PassesEverythingWithoutStops) {
  StopMatcher matcher;
  EXPECT_EQ(matcher.add("abc").text, "abc");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, HoldsBackWhatCouldBecomeAStop) {
  StopMatcher matcher(stops({"\nUser:"}));
  EXPECT_EQ(matcher.add("Hello").text, "Hello");
  EXPECT_EQ(matcher.add("\n").text, "");
  EXPECT_EQ(matcher.add("Us").text, "");
  EXPECT_EQ(matcher.add("age").text, "\nUsage");
  EXPECT_EQ(matcher.add("!\nUser").text, "!");
  const auto end = matcher.add(": more");
  EXPECT_EQ(end.text, "");
  EXPECT_EQ(end.stop, 0);
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, GivesBackWhatItHeldAtTheEnd) {
  StopMatcher matcher(stops({"###"}));
  EXPECT_EQ(matcher.add("a##").text, "a");
  EXPECT_EQ(matcher.finish(), "##");
  EXPECT_FALSE(matcher.stopped());
}

TEST(StopMatcher, TakesTheFirstToEndAndOfThoseTheLongest) {
  StopMatcher first(stops({"abcd", "bc"}));
  const auto inner = first.add("xabcd");
  EXPECT_EQ(inner.text, "xa");
  EXPECT_EQ(inner.stop, 1);

  StopMatcher longest(stops({"c", "bc", "abc"}));
  const auto outer = longest.add("xabc");
  EXPECT_EQ(outer.text, "x");
  EXPECT_EQ(outer.stop, 2);
}

TEST(StopMatcher, FollowsOverlapsOfAStopWithItself) {
  StopMatcher matcher(stops({"aab"}));
  EXPECT_EQ(matcher.add("aaa").text, "a");
  const auto end = matcher.add("b");
  EXPECT_EQ(end.text, "");
  EXPECT_EQ(end.stop, 0);
}

TEST(StopMatcher, KeepsCharactersWhole) {
  StopMatcher matcher(stops({"ê"}));  // shares its first byte with é
  EXPECT_EQ(matcher.add("é").text, "é");
  EXPECT_EQ(matcher.add("ê").stop, 0);
}

TEST(StopMatcher, AgreesWithTheObviousSearchHoweverTheTextIsCut) {
  std::mt19937 random(20261121);
  for (int round = 0; round < 3000; ++round) {
    const auto word = [&](std::size_t most) {
      std::string text;
      for (std::size_t n = 1 + random() % most; n > 0; --n)
        text.push_back(static_cast<char>('a' + random() % 3));
      return text;
    };
    std::vector<std::string> strings;
    for (std::size_t n = 1 + random() % 4; n > 0; --n) strings.push_back(word(5));
    const std::string text = word(30);
    std::size_t end = text.size() + 1;
    std::size_t begin = text.size();
    for (const std::string& stop : strings) {
      const std::size_t at = text.find(stop);
      if (at == std::string::npos || at + stop.size() > end) continue;
      if (at + stop.size() < end || at < begin) begin = at;
      end = at + stop.size();
    }

    StopMatcher matcher(stops(strings));
    std::string given;
    for (std::size_t at = 0; at < text.size() && !matcher.stopped();) {
      const std::size_t size = 1 + random() % 4;
      given += matcher.add(std::string_view(text).substr(at, size)).text;
      at += size;
    }
    given += matcher.finish();

    ASSERT_EQ(given, text.substr(0, begin)) << "of " << text << ", round " << round;
    ASSERT_EQ(matcher.stopped(), begin < text.size());
  }
}

TEST(StopMatcher, IsLinearInTheText) {
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < kMaxStopStrings; ++i)
    strings.push_back(std::string(100, 'a') + std::to_string(i));
  StopMatcher matcher(stops(strings));
  std::size_t passed = 0;
  for (int i = 0; i < 10'000; ++i) passed += matcher.add(std::string(100, 'a')).text.size();
  EXPECT_EQ(passed, 1'000'000U - 100);
}

TEST(StopStrings, RefusesWhatIsEmptyOrTooMuch) {
  const auto code = [](const std::vector<std::string>& strings) {
    const auto made = StopStrings::create(strings);
    EXPECT_EQ(made ? "" : made.error().field, "stop");
    return made ? Errc::internal : made.error().code;
  };
  EXPECT_EQ(code({"a", ""}), Errc::invalid_argument);
  EXPECT_EQ(code(std::vector<std::string>(kMaxStopStrings + 1, "a")), Errc::too_large);
  EXPECT_EQ(code({std::string(kMaxStopBytes + 1, 'a')}), Errc::too_large);
}

}  // namespace
}  // namespace galley::inference
