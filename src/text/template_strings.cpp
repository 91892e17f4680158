#include "template_strings.h"

#include <fmt/format.h>
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <cmath>

#include "text/code_points.h"

namespace galley::text::templates {
namespace {

bool is_tail(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// Bytes of the character at the start of a text that is not empty.
std::size_t character_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t wanted = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::size_t size = 1;
  while (size < wanted && size < text.size() && is_tail(text[size])) ++size;
  return size == wanted ? size : 1;
}

char32_t decode(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  switch (character.size()) {
    case 2:
      return static_cast<char32_t>((byte(0) & 0x1FU) << 6 | (byte(1) & 0x3FU));
    case 3:
      return static_cast<char32_t>((byte(0) & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 |
                                   (byte(2) & 0x3FU));
    case 4:
      return static_cast<char32_t>((byte(0) & 0x07U) << 18 | (byte(1) & 0x3FU) << 12 |
                                   (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU));
    default:
      return byte(0);
  }
}

/// Python counts the four information separators as white space, Unicode's property does not.
bool is_space(std::string_view character) {
  const char32_t c = decode(character);
  return is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}

std::string_view last_character(std::string_view text) {
  std::size_t start = text.size() - 1;
  while (start > 0 && text.size() - start < 4 && is_tail(text[start])) --start;
  const auto last = text.substr(start);
  return character_size(last) == last.size() ? last : text.substr(text.size() - 1);
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

icu::UnicodeString wide(std::string_view text) {
  return icu::UnicodeString::fromUTF8({text.data(), static_cast<std::int32_t>(text.size())});
}

std::string narrow(const icu::UnicodeString& text) {
  std::string bytes;
  return text.toUTF8String(bytes);
}

template <class StartsWord>
std::string title(std::string_view text, StartsWord&& starts_word) {
  std::string out;
  bool start = true;
  for (const auto character : characters(text)) {
    out += start ? upper(character) : lower(character);
    start = starts_word(character);
  }
  return out;
}

}  // namespace

std::size_t character_count(std::string_view text) {
  if (is_ascii(text)) return text.size();
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(character_size(text));
  return count;
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> all;
  while (!text.empty()) {
    all.push_back(text.substr(0, character_size(text)));
    text.remove_prefix(all.back().size());
  }
  return all;
}

std::string_view strip(std::string_view text, Side side, std::optional<std::string_view> set) {
  const auto goes = [&](std::string_view character) {
    return set ? set->find(character) != std::string_view::npos : is_space(character);
  };
  while (side != Side::right && !text.empty()) {
    const auto first = text.substr(0, character_size(text));
    if (!goes(first)) break;
    text.remove_prefix(first.size());
  }
  while (side != Side::left && !text.empty()) {
    const auto last = last_character(text);
    if (!goes(last)) break;
    text.remove_suffix(last.size());
  }
  return text;
}

std::string upper(std::string_view text) {
  if (!is_ascii(text)) return narrow(wide(text).toUpper(icu::Locale::getRoot()));
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return out;
}

std::string lower(std::string_view text) {
  if (!is_ascii(text)) return narrow(wide(text).toLower(icu::Locale::getRoot()));
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  const std::size_t first = character_size(text);
  return upper(text.substr(0, first)) + lower(text.substr(first));
}

std::string title_words(std::string_view text) {
  return title(text, [](std::string_view character) {
    return u_hasBinaryProperty(static_cast<UChar32>(decode(character)), UCHAR_CASED) == 0;
  });
}

std::string title_items(std::string_view text) {
  return title(text, [](std::string_view character) {
    return is_space(character) ||
           std::string_view("-({[<").find(character) != std::string_view::npos;
  });
}

std::string replace(std::string_view text, std::string_view from, std::string_view to,
                    std::int64_t limit) {
  std::string out;
  if (from.empty()) {  // Python puts it between all characters
    for (const auto character : characters(text)) {
      if (limit != 0) out += to;
      if (limit > 0) --limit;
      out += character;
    }
    if (limit != 0) out += to;
    return out;
  }
  std::size_t at = 0;
  for (std::size_t hit = text.find(from); hit != std::string_view::npos && limit != 0;
       hit = text.find(from, at)) {
    out += text.substr(at, hit - at);
    out += to;
    at = hit + from.size();
    if (limit > 0) --limit;
  }
  return out += text.substr(at);
}

std::vector<std::string_view> split(std::string_view text,
                                    std::optional<std::string_view> separator, std::int64_t limit) {
  std::vector<std::string_view> parts;
  if (separator) {
    while (limit != 0) {
      const std::size_t hit = text.find(*separator);
      if (hit == std::string_view::npos) break;
      parts.push_back(text.substr(0, hit));
      text.remove_prefix(hit + separator->size());
      if (limit > 0) --limit;
    }
    parts.push_back(text);
    return parts;
  }
  for (text = strip(text, Side::left); !text.empty(); text = strip(text, Side::left)) {
    std::size_t end = 0;
    while (limit != 0 && end < text.size() &&
           !is_space(text.substr(end, character_size(text.substr(end)))))
      end += character_size(text.substr(end));
    if (limit == 0) end = strip(text, Side::right).size();
    parts.push_back(text.substr(0, end));
    if (limit == 0) break;
    text.remove_prefix(end);
    if (limit > 0) --limit;
  }
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
    if (text.starts_with("\r\n"))
      text.remove_prefix(2);
    else if (!text.empty())
      text.remove_prefix(1);
  }
  return lines;
}

std::string print_real(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace galley::text::templates
