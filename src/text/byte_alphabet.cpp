#include "byte_alphabet.h"

#include <array>
#include <cstdint>

#include "utf8.h"

namespace galley::text {
namespace {

constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

constexpr char32_t kPastAlphabet = 0x100 + 68;

struct Alphabet {
  std::array<char32_t, 256> chars{};
  std::array<std::int16_t, kPastAlphabet> bytes{};  // -1: not of the alphabet

  constexpr Alphabet() {
    bytes.fill(-1);
    char32_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      chars[byte] = is_printable(byte) ? byte : next++;
      bytes[chars[byte]] = static_cast<std::int16_t>(byte);
    }
  }
};
constexpr Alphabet kAlphabet;

}  // namespace

char32_t alphabet_char(unsigned char byte) { return kAlphabet.chars[byte]; }

std::string to_alphabet(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) append_utf8(alphabet_char(static_cast<unsigned char>(byte)), text);
  return text;
}

std::string from_alphabet(std::string_view text) {
  std::string bytes;
  for (std::string_view rest = text; !rest.empty();) {
    const Utf8Scan scan = scan_char(rest);
    const char32_t c = scan.complete ? read_char(rest.data()).code_point : kPastAlphabet;
    if (c >= kPastAlphabet || kAlphabet.bytes[c] < 0) return std::string(text);
    bytes += static_cast<char>(kAlphabet.bytes[c]);
    rest.remove_prefix(scan.size);
  }
  return bytes;
}

}  // namespace galley::text
