#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace galley {
namespace {

using ::testing::HasSubstr;

std::string nested(int levels) {
  return std::string(static_cast<std::size_t>(levels), '[') +
         std::string(static_cast<std::size_t>(levels), ']');
}

std::string fault(std::string_view text) {
  const auto json = parse_json(text);
  EXPECT_FALSE(json) << text;
  return json ? std::string() : json.error().message;
}

TEST(ParseJson, ReadsADocument) {
  const auto json = parse_json(R"( {"a": [1, -2.5, true, null], "한": "글"} )");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["a"].size(), 4U);
  EXPECT_EQ((*json)["한"], "글");
  EXPECT_EQ(dump_json(*parse_json("9007199254740993")), "9007199254740993");
}

TEST(ParseJson, NamesLineAndColumnOfTheFirstFault) {
  EXPECT_THAT(fault("{\"a\": tru}"), HasSubstr("line 1, column 10"));
  EXPECT_THAT(fault("{\n  \"a\": 1,\n  b: 2\n}"), HasSubstr("line 3, column 3"));
  EXPECT_THAT(fault("{} x"), HasSubstr("line 1, column 4"));
}

TEST(ParseJson, SaysWhenTheTextEndsTooEarly) {
  EXPECT_THAT(fault(""), HasSubstr("ends too early"));
  EXPECT_THAT(fault("{\"a\": ["), HasSubstr("ends too early"));
}

TEST(ParseJson, RefusesARepeatedKeyOfOneObjectOnly) {
  EXPECT_THAT(fault(R"({"a": 1, "b": 2, "a": 3})"), HasSubstr("key 'a' appears twice"));
  EXPECT_THAT(fault(R"([{"x": {"k": 1, "k": 1}}])"), HasSubstr("'k'"));
  EXPECT_TRUE(parse_json(R"([{"a": 1}, {"a": {"a": 2}}])"));
}

TEST(ParseJson, BoundsNesting) {
  EXPECT_TRUE(parse_json(nested(kMaxJsonDepth)));
  EXPECT_THAT(fault(nested(kMaxJsonDepth + 1)), HasSubstr("64 levels"));
  EXPECT_THAT(fault(nested(1'000'000)), HasSubstr("64 levels"));
}

TEST(ParseJson, RefusesInvalidUtf8WithAReadableMessage) {
  for (const std::string_view text :
       {"\"\xff\"", "\"\xed\xa0\x80\"", "\xf0\x28", "{\"\xc3(\":1}"}) {
    const std::string message = fault(text);
    EXPECT_TRUE(is_valid_utf8(message));
    EXPECT_THAT(message, HasSubstr("not valid JSON"));
  }
}

TEST(ParseJson, RefusesWhatJsonDoesNotKnow) {
  for (const auto text : {"NaN", "Infinity", "1e999", "01", "{'a':1}", "[1,]", "// c\n1", "\"\t\""})
    EXPECT_FALSE(parse_json(text)) << text;
}

TEST(DumpJson, NeverFailsOnBrokenText) { EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xEF\xBF\xBD\""); }

}  // namespace
}  // namespace galley
