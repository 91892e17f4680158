#include "base/text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace galley {
namespace {

TEST(Utf8, AcceptsWellFormedTextAtItsBounds) {
  for (const std::string_view text :
       {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "재미있다"})
    EXPECT_TRUE(is_valid_utf8(text)) << text;
}

TEST(Utf8, RefusesOverlongSurrogateOutOfRangeAndCutText) {
  for (const std::string_view text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x82", "\xf0\x9f\x98",
        "\xe2\x28\xa1"})
    EXPECT_FALSE(is_valid_utf8(text));
}

TEST(Utf8, RepairReplacesEachBadByte) {
  EXPECT_EQ(to_valid_utf8("a\xffz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(to_valid_utf8("\xe2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(to_valid_utf8("재미"), "재미");
}

RC_GTEST_PROP(Utf8, RepairIsValidAndChangesNothingTwice, (const std::string& bytes)) {
  const std::string repaired = to_valid_utf8(bytes);
  RC_ASSERT(is_valid_utf8(repaired));
  RC_ASSERT(to_valid_utf8(repaired) == repaired);
  if (is_valid_utf8(bytes)) RC_ASSERT(repaired == bytes);
}

TEST(Nearest, FindsTheWordThatWasMeant) {
  const std::vector<std::string> words{"gpus", "cpus", "memory", "nodes", "gpu_type"};
  EXPECT_EQ(nearest("gpu", words), "gpus");
  EXPECT_EQ(nearest("memroy", words), "memory");
  EXPECT_EQ(nearest("gpsu", words), "gpus") << "two letters swapped are one mistake";
  EXPECT_EQ(nearest("node", words), "nodes");
  EXPECT_EQ(nearest("gpus", words), "gpus");
}

TEST(Nearest, StaysSilentWhenNothingIsClose) {
  const std::vector<std::string> words{"gpus", "memory"};
  EXPECT_EQ(nearest("bananas", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest("gpus", {}), "");
  EXPECT_EQ(nearest(std::string(100'000, 'g'), words), "");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(split("a,b,,c", ','), (std::vector<std::string_view>{"a", "b", "", "c"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(split(",", ','), (std::vector<std::string_view>{"", ""}));
}

TEST(Trim, TakesBlanksFromBothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
}

TEST(Hashes, AgreeWithTheStandardsExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(std::string_view("\x00\xff", 2)), "00ff");
}

TEST(RandomHex, IsAsLongAsAskedAndNeverTheSame) {
  EXPECT_EQ(random_hex(16).size(), 32U);
  EXPECT_NE(random_hex(16), random_hex(16));
}

TEST(EqualConstantTime, ComparesBytes) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_constant_time("secret", "secrets"));
}

}  // namespace
}  // namespace galley
