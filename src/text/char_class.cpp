#include "char_class.h"

#include <unicode/uchar.h>

#include <map>
#include <string>

namespace galley::text {
namespace {

std::uint8_t class_of(UCharCategory category) {
  switch (category) {
    case U_UPPERCASE_LETTER:
    case U_TITLECASE_LETTER:
      return kLetter | kUpper;
    case U_LOWERCASE_LETTER:
      return kLetter | kLower;
    case U_MODIFIER_LETTER:
    case U_OTHER_LETTER:
      return kLetter;
    case U_DECIMAL_DIGIT_NUMBER:
    case U_LETTER_NUMBER:
    case U_OTHER_NUMBER:
      return kNumber;
    case U_NON_SPACING_MARK:
    case U_ENCLOSING_MARK:
    case U_COMBINING_SPACING_MARK:
      return kMark;
    case U_DASH_PUNCTUATION:
    case U_START_PUNCTUATION:
    case U_END_PUNCTUATION:
    case U_CONNECTOR_PUNCTUATION:
    case U_OTHER_PUNCTUATION:
    case U_INITIAL_PUNCTUATION:
    case U_FINAL_PUNCTUATION:
      return kPunctuation;
    case U_MATH_SYMBOL:
    case U_CURRENCY_SYMBOL:
    case U_MODIFIER_SYMBOL:
    case U_OTHER_SYMBOL:
      return kSymbol;
    default:
      return 0;
  }
}

UBool fill_range(const void* context, UChar32 start, UChar32 limit, UCharCategory category) {
  auto& classes = **static_cast<std::string* const*>(context);
  const auto bits = static_cast<char>(class_of(category));
  for (UChar32 c = start; c < limit; ++c) classes[static_cast<std::size_t>(c)] = bits;
  return true;
}

}  // namespace

CharClasses::CharClasses() {
  std::string classes(0x110000, '\0');
  std::string* const target = &classes;
  u_enumCharTypes(fill_range, &target);
  // No character past U+3000 is white space.
  for (UChar32 c = 0; c <= 0x3000; ++c)
    if (u_isUWhiteSpace(c) != 0) {
      char& bits = classes[static_cast<std::size_t>(c)];
      bits = static_cast<char>(static_cast<unsigned char>(bits) | kSpace);
    }

  constexpr std::size_t kPageSize = 1U << kPageBits;
  std::map<std::string, std::uint16_t> known;
  for (std::size_t page = 0; page < page_of_.size(); ++page) {
    const std::string bytes = classes.substr(page * kPageSize, kPageSize);
    const auto [entry, added] = known.emplace(bytes, static_cast<std::uint16_t>(known.size()));
    if (added) pages_.insert(pages_.end(), bytes.begin(), bytes.end());
    page_of_[page] = entry->second;
  }
}

const CharClasses& CharClasses::get() {
  static const CharClasses classes;
  return classes;
}

}  // namespace galley::text
