#pragma once

#include <cstdint>

#include "char_class.h"
#include "split_stages.h"
#include "utf8.h"

namespace galley::text {

inline bool is_newline(char c) { return c == '\r' || c == '\n'; }

inline bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

/// A character, its classes and where the next one begins.
struct Here {
  char32_t code_point;
  std::uint8_t classes;
  const char* next;
  bool is(unsigned mask) const { return (classes & mask) != 0; }
};

inline Here look(const CharClasses& classes, const char* p) {
  if (is_ascii(*p)) {
    const auto c = static_cast<unsigned char>(*p);
    return {c, classes.of_ascii(c), p + 1};
  }
  const Utf8Char c = read_char(p);
  return {c.code_point, classes.of(c.code_point), p + c.size};
}

/// Passes over characters whose classes satisfy keep(bits).
template <class Keep>
const char* skip(const CharClasses& classes, const char* p, const char* end, Keep keep) {
  while (p < end) {
    if (is_ascii(*p)) {
      if (!keep(classes.of_ascii(static_cast<unsigned char>(*p)))) return p;
      ++p;
      continue;
    }
    const Utf8Char c = read_char(p);
    if (!keep(classes.of(c.code_point))) return p;
    p += c.size;
  }
  return p;
}

inline const char* skip_any(const CharClasses& classes, const char* p, const char* end,
                            unsigned mask) {
  return skip(classes, p, end, [mask](std::uint8_t bits) { return (bits & mask) != 0; });
}

inline const char* skip_none(const CharClasses& classes, const char* p, const char* end,
                             unsigned mask) {
  return skip(classes, p, end, [mask](std::uint8_t bits) { return (bits & mask) == 0; });
}

/// Passes over characters whose code points satisfy keep(c).
template <class Keep>
const char* skip_points(const char* p, const char* end, Keep keep) {
  while (p < end) {
    const Utf8Char c = read_char(p);
    if (!keep(c.code_point)) return p;
    p += c.size;
  }
  return p;
}

/// At most `limit` characters of the classes.
inline const char* skip_few(const CharClasses& classes, const char* p, const char* end,
                            unsigned mask, int limit) {
  for (; limit > 0 && p < end; --limit) {
    const Here here = look(classes, p);
    if (!here.is(mask)) break;
    p = here.next;
  }
  return p;
}

/// `\s+(?!\S)|\s+` at p, where white space stands: all but the last character of a run that
/// something follows, but at least one.
inline const char* skip_spaces(const CharClasses& classes, const char* p, const char* end) {
  const char* last = p;
  const char* at = p;
  while (at < end) {
    const Here here = look(classes, at);
    if (!here.is(kSpace)) break;
    last = at;
    at = here.next;
  }
  return at == end || last == p ? at : last;
}

/// The same behind `\s*[\r\n]+`: a run that holds line ends reaches to its last one.
inline const char* skip_spaces_and_lines(const CharClasses& classes, const char* p,
                                         const char* end) {
  const char* last = p;
  const char* line = nullptr;
  const char* at = p;
  while (at < end) {
    const Here here = look(classes, at);
    if (!here.is(kSpace)) break;
    last = at;
    at = here.next;
    if (is_newline(*last)) line = at;
  }
  if (line != nullptr) return line;
  return at == end || last == p ? at : last;
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at p, or p. Case folding makes U+017F an s.
inline const char* skip_contraction(const char* p, const char* end) {
  if (end - p < 2 || *p != '\'') return p;
  const auto lower = [](char c) { return static_cast<char>(c | 0x20); };
  const char first = lower(p[1]);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return p + 2;
  if (end - p < 3) return p;
  if (p[1] == '\xC5' && p[2] == '\xBF') return p + 3;
  const char second = lower(p[2]);
  if ((first == 'r' || first == 'v') && second == 'e') return p + 3;
  return first == 'l' && second == 'l' ? p + 3 : p;
}

}  // namespace galley::text
