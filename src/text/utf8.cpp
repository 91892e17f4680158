#include "utf8.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <algorithm>
#include <cstring>

namespace galley::text {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// The bytes that may follow a lead byte: its own range for the second, 80..BF for the rest.
struct Lead {
  std::size_t size;  // 0: no lead byte
  unsigned char second_low, second_high;
};

Lead lead_of(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte >= 0xE0 && byte <= 0xEF)
    return {3, static_cast<unsigned char>(byte == 0xE0 ? 0xA0 : 0x80),
            static_cast<unsigned char>(byte == 0xED ? 0x9F : 0xBF)};
  if (byte >= 0xF0 && byte <= 0xF4)
    return {4, static_cast<unsigned char>(byte == 0xF0 ? 0x90 : 0x80),
            static_cast<unsigned char>(byte == 0xF4 ? 0x8F : 0xBF)};
  return {0, 0, 0};
}

/// The number of leading bytes that form whole characters.
std::size_t valid_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t word = 0;
    while (at + sizeof word <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof word);
      if ((word & 0x8080808080808080U) != 0) break;
      at += sizeof word;
    }
    while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
    while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80) {
      const Utf8Scan next = scan_char(text.substr(at));
      if (!next.complete) return at;
      at += next.size;
    }
  }
  return at;
}

}  // namespace

Utf8Scan scan_char(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (byte(0) < 0x80) return {1, true, false};
  const Lead lead = lead_of(byte(0));
  if (lead.size == 0) return {1, false, false};
  if (bytes.size() < 2) return {1, false, true};
  if (byte(1) < lead.second_low || byte(1) > lead.second_high) return {1, false, false};
  for (std::size_t i = 2; i < lead.size; ++i) {
    if (i == bytes.size()) return {i, false, true};
    if ((byte(i) & 0xC0U) != 0x80) return {i, false, false};
  }
  return {lead.size, true, false};
}

void append_utf8(char32_t c, std::string& out) {
  const auto tail = [c](unsigned shift) { return static_cast<char>(0x80U | (c >> shift & 0x3FU)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | c >> 6);
    out += tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | c >> 12);
    out += tail(6);
    out += tail(0);
  } else {
    out += static_cast<char>(0xF0U | c >> 18);
    out += tail(12);
    out += tail(6);
    out += tail(0);
  }
}

std::string_view well_formed(std::string_view text, std::string& scratch) {
  std::size_t good = valid_prefix(text);
  if (good == text.size()) return text;
  scratch.clear();
  std::string_view rest = text;
  while (true) {
    scratch += rest.substr(0, good);
    rest.remove_prefix(good);
    if (rest.empty()) return scratch;
    scratch += kReplacement;
    rest.remove_prefix(scan_char(rest).size);
    good = valid_prefix(rest);
  }
}

std::string_view normal_form_c(std::string_view text, std::string& scratch) {
  // Nothing below U+0300 is changed by NFC: its lead bytes are all below CC.
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0xCC; }))
    return text;
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(code);
  // ICU counts in 32 bits; a longer text is left as it is.
  if (U_FAILURE(code) || text.size() > INT32_MAX) return text;
  const icu::StringPiece piece(text.data(), static_cast<std::int32_t>(text.size()));
  if (nfc->isNormalizedUTF8(piece, code) != 0 || U_FAILURE(code)) return text;
  scratch.clear();
  icu::StringByteSink<std::string> sink(&scratch);
  nfc->normalizeUTF8(0, piece, sink, nullptr, code);
  return U_SUCCESS(code) ? std::string_view(scratch) : text;
}

}  // namespace galley::text
