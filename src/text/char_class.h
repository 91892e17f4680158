#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace galley::text {

/// What the expressions that cut text ask of a character, as bits. General categories of Unicode;
/// `space` is the White_Space property. A character of none of them (controls, formats, unassigned)
/// has no bit. Letters that are neither `upper` (Lu, Lt) nor `lower` (Ll) are Lm and Lo.
enum CharClass : std::uint8_t {
  kLetter = 1,
  kNumber = 2,
  kPunctuation = 4,
  kSymbol = 8,
  kMark = 16,
  kSpace = 32,
  kUpper = 64,
  kLower = 128,
};

/// The classes of all characters: two look-ups, no call. Built once from ICU in about a
/// millisecond; 50 kB. Immutable, thread-safe.
class CharClasses {
 public:
  static const CharClasses& get();

  std::uint8_t of(char32_t c) const {
    return pages_[std::size_t{page_of_[c >> kPageBits]} << kPageBits | (c & kPageMask)];
  }
  std::uint8_t of_ascii(unsigned char c) const { return pages_[c]; }

 private:
  static constexpr unsigned kPageBits = 8;
  static constexpr char32_t kPageMask = (1U << kPageBits) - 1;

  CharClasses();
  std::array<std::uint16_t, (0x110000 >> kPageBits)> page_of_{};
  std::vector<std::uint8_t> pages_;  // page 0 is that of ASCII
};

}  // namespace galley::text
