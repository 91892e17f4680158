#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace galley::text {

/// One character of text that is known to be well-formed, at `p`: no check of bounds or bytes.
struct Utf8Char {
  char32_t code_point;
  unsigned size;
};

inline Utf8Char read_char(const char* p) {
  const auto byte = [p](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(p[i]));
  };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1FU) << 6 | (byte(1) & 0x3FU), 2};
  if (lead < 0xF0) return {(lead & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU), 3};
  return {
      (lead & 0x07U) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU),
      4};
}

/// What stands at the start of any bytes. `size` is that of the character, or of the maximal
/// subpart of one that is not well-formed (at least 1). `complete` is false also when more bytes
/// could still make it a character; `open` tells these two apart.
struct Utf8Scan {
  std::size_t size;
  bool complete;
  bool open;
};
Utf8Scan scan_char(std::string_view bytes);

void append_utf8(char32_t code_point, std::string& out);

/// The text itself when it is well-formed; else `scratch`, holding the text with U+FFFD for every
/// maximal subpart of a malformed sequence (Unicode 15, section 3.9).
std::string_view well_formed(std::string_view text, std::string& scratch);

/// In Normalisation Form C; `text` must be well-formed. Returns the text itself where it already
/// is.
std::string_view normal_form_c(std::string_view text, std::string& scratch);

}  // namespace galley::text
