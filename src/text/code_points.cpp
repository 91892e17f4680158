#include "text/code_points.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace galley::text {
namespace {

/// One decoded character; size 0 says that the bytes are not UTF-8.
struct Decoded {
  char32_t code_point = 0;
  std::size_t size = 0;
};

bool is_tail(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

Decoded decode_multibyte(const unsigned char* p, std::size_t left) {
  const std::uint32_t lead = p[0];
  if (lead >= 0xC2 && lead <= 0xDF) {
    if (left < 2 || !is_tail(p[1])) return {};
    return {(lead & 0x1FU) << 6 | (p[1] & 0x3FU), 2};
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (left < 3 || !is_tail(p[1]) || !is_tail(p[2])) return {};
    const char32_t c = (lead & 0x0FU) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
    if (c < 0x800 || (c >= 0xD800 && c <= 0xDFFF)) return {};
    return {c, 3};
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (left < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3])) return {};
    const char32_t c =
        (lead & 0x07U) << 18 | (p[1] & 0x3FU) << 12 | (p[2] & 0x3FU) << 6 | (p[3] & 0x3FU);
    if (c < 0x10000 || c > 0x10FFFF) return {};
    return {c, 4};
  }
  return {};
}

/// True for ranges in which every character is NFC_Quick_Check=Yes with combining class 0, so that
/// a text made only of them is already in NFC. Leaving a character out costs time, not truth.
bool never_changes(char32_t c) {
  return c < 0x300 || (c >= 0xAC00 && c <= 0xD7A3) ||  // Latin; Hangul syllables
         (c >= 0x2010 && c <= 0x205E) ||               // dashes, quotes, ellipsis
         (c >= 0x3000 && c <= 0x3029) || (c >= 0x3030 && c <= 0x3098) ||  // CJK marks, hiragana
         (c >= 0x30A0 && c <= 0x318E) ||  // katakana, bopomofo, compatibility jamo
         (c >= 0x4E00 && c <= 0x9FFF);    // unified ideographs
}

Status decode(std::string_view text, std::vector<char32_t>& out, bool& may_need_nfc) {
  out.clear();
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t at = 0; at < text.size();) {
    if (p[at] < 0x80) {
      out.push_back(p[at++]);
      continue;
    }
    const Decoded next = decode_multibyte(p + at, text.size() - at);
    if (next.size == 0)
      return Error{Errc::invalid_argument, "text is not valid UTF-8 at byte " + std::to_string(at) +
                                               " of " + std::to_string(text.size())};
    may_need_nfc |= !never_changes(next.code_point);
    out.push_back(next.code_point);
    at += next.size;
  }
  return ok();
}

Result<std::string> normalise(std::string_view text) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(code);
  std::string normal;
  if (U_SUCCESS(code)) {
    icu::StringByteSink<std::string> sink(&normal);
    nfc->normalizeUTF8(0, {text.data(), static_cast<std::int32_t>(text.size())}, sink, nullptr,
                       code);
  }
  if (U_FAILURE(code))
    return Error{Errc::internal,
                 std::string("ICU could not normalise a text: ") + u_errorName(code)};
  return normal;
}

}  // namespace

Status decode_nfc(std::string_view text, std::vector<char32_t>& out) {
  if (text.size() > INT32_MAX)
    return Error{Errc::too_large,
                 "a text of " + std::to_string(text.size()) + " bytes is too long to normalise"};
  bool may_need_nfc = false;
  GALLEY_TRY_STATUS(decode(text, out, may_need_nfc));
  if (!may_need_nfc) return ok();
  GALLEY_TRY(const std::string normal, normalise(text));
  return normal == text ? ok() : decode(normal, out, may_need_nfc);
}

bool is_white_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D);
  if (c < 0x1680) return c == 0x85 || c == 0xA0;
  return c <= 0x3000 && u_isUWhiteSpace(static_cast<UChar32>(c)) != 0;
}

char32_t fold_case(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  // The scripts of this module's busiest texts have no case.
  if ((c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x3000 && c <= 0x9FFF)) return c;
  return static_cast<char32_t>(u_foldCase(static_cast<UChar32>(c), U_FOLD_CASE_DEFAULT));
}

}  // namespace galley::text
