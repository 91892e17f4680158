#include "text/code_points.h"

#include <gtest/gtest.h>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>

#include <string>
#include <vector>

namespace galley::text {
namespace {

std::vector<char32_t> decode(std::string_view text) {
  std::vector<char32_t> out;
  const auto status = decode_nfc(text, out);
  EXPECT_TRUE(status) << status.error().message;
  return out;
}

std::string error_of(std::string_view text) {
  std::vector<char32_t> out;
  const auto status = decode_nfc(text, out);
  if (status) return "";
  EXPECT_EQ(status.error().code, Errc::invalid_argument);
  return status.error().message;
}

TEST(DecodeNfc, ReadsCodePointsNotBytes) {
  EXPECT_EQ(decode("a한é😀"), (std::vector<char32_t>{U'a', U'한', U'é', U'😀'}));
  EXPECT_TRUE(decode("").empty());
}

TEST(DecodeNfc, ComposesWhatIsEquivalent) {
  EXPECT_EQ(decode("\u1112\u1161\u11ab"), decode("한"));  // three jamo, one syllable
  EXPECT_EQ(decode("e\u0301"), decode("é"));
  EXPECT_EQ(decode("하\u11ab"), decode("한"));    // a syllable without a final, and the final
  EXPECT_EQ(decode("\u212b"), decode("\u00c5"));  // ANGSTROM SIGN
  EXPECT_EQ(decode("か\u3099"), decode("が"));
}

TEST(DecodeNfc, OrdersCombiningMarks) {
  EXPECT_EQ(decode("q\u0307\u0323"), decode("q\u0323\u0307"));
}

TEST(DecodeNfc, RefusesWhatIsNotUtf8) {
  EXPECT_NE(error_of("ab\xff"
                     "cd")
                .find("byte 2 of 5"),
            std::string::npos);
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc3", "\xe1\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf0\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xe0\x9f\xbf"})
    EXPECT_NE(error_of(bad), "") << bad;
}

/// The fast path must agree with ICU on every character alone and between two letters.
TEST(DecodeNfc, AgreesWithIcuOnEveryCharacter) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(code);
  ASSERT_TRUE(U_SUCCESS(code));
  for (char32_t c = 1; c <= 0x10FFFF; c += c < 0x20000 ? 1 : 97) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    icu::UnicodeString text;
    text.append(static_cast<UChar32>(U'가')).append(static_cast<UChar32>(c)).append(u'\u0301');
    std::string utf8;
    text.toUTF8String(utf8);
    const icu::UnicodeString expected = nfc->normalize(text, code);
    std::vector<char32_t> points(static_cast<std::size_t>(expected.countChar32()));
    expected.toUTF32(reinterpret_cast<UChar32*>(points.data()),
                     static_cast<std::int32_t>(points.size()), code);
    ASSERT_EQ(decode(utf8), points) << std::hex << static_cast<std::uint32_t>(c);

    std::string alone;
    icu::UnicodeString one(static_cast<UChar32>(c));
    one.toUTF8String(alone);
    const icu::UnicodeString normal = nfc->normalize(one, code);
    ASSERT_EQ(decode(alone)[0], static_cast<char32_t>(normal.char32At(0)))
        << std::hex << static_cast<std::uint32_t>(c);
  }
}

TEST(Characters, WhiteSpaceAndCase) {
  for (const char32_t c :
       {U' ', U'\t', U'\n', U'\u00a0', U'\u2003', U'\u3000', U'\u1680', U'\u0085'})
    EXPECT_TRUE(is_white_space(c));
  for (const char32_t c : {U'a', U'가', U'\u200b', U'\ufeff', U'0'})
    EXPECT_FALSE(is_white_space(c));
  EXPECT_EQ(fold_case(U'A'), U'a');
  EXPECT_EQ(fold_case(U'Σ'), U'σ');
  EXPECT_EQ(fold_case(U'Ａ'), U'ａ');
  EXPECT_EQ(fold_case(U'한'), U'한');
}

}  // namespace
}  // namespace galley::text
