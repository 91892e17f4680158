#include "split_scan.h"
#include "split_stages.h"

namespace galley::text {
namespace {

constexpr unsigned kWordOrSpace = kLetter | kNumber | kSpace;

const char* skip_plain_contraction(const char* p, const char* end) {
  if (end - p < 2 || *p != '\'') return p;
  if (p[1] == 's' || p[1] == 't' || p[1] == 'm' || p[1] == 'd') return p + 2;
  if (end - p < 3) return p;
  if ((p[1] == 'r' || p[1] == 'v') && p[2] == 'e') return p + 3;
  return p[1] == 'l' && p[2] == 'l' ? p + 3 : p;
}

/// `[^\r\n\p{L}\p{N}]?\p{L}+` at p, or p.
const char* skip_word(const CharClasses& classes, const char* p, const char* end) {
  const Here here = look(classes, p);
  if (here.is(kLetter)) return skip_any(classes, here.next, end, kLetter);
  if (here.is(kNumber) || is_newline(*p)) return p;
  const char* word_end = skip_any(classes, here.next, end, kLetter);
  return word_end == here.next ? p : word_end;
}

/// ` ?[^\s\p{L}\p{N}]+[\r\n]*` at p, or p; with `slashes`, `[\r\n/]*`.
const char* skip_marks(const CharClasses& classes, const char* p, const char* end, bool slashes) {
  const char* from = *p == ' ' ? p + 1 : p;
  const char* at = skip_none(classes, from, end, kWordOrSpace);
  if (at == from) return p;
  while (at < end && (is_newline(*at) || (slashes && *at == '/'))) ++at;
  return at;
}

bool in_upper(const Here& here) { return here.is(kMark) || (here.is(kLetter) && !here.is(kLower)); }
bool in_lower(const Here& here) { return here.is(kMark) || (here.is(kLetter) && !here.is(kUpper)); }

const char* skip_lower(const CharClasses& classes, const char* p, const char* end) {
  return skip(classes, p, end, [](std::uint8_t bits) {
    return (bits & kMark) != 0 || (bits & (kLetter | kUpper)) == kLetter;
  });
}

/// U*V+ at p, or null. The run of U is as long as can be; where no V follows it, it gives back up
/// to its last character that is a V too.
const char* skip_upper_lower(const CharClasses& classes, const char* p, const char* end) {
  const char* both_end = nullptr;
  while (p < end) {
    const Here here = look(classes, p);
    if (!in_upper(here)) {
      if (in_lower(here)) return skip_lower(classes, p, end);
      break;
    }
    p = here.next;
    if (in_lower(here)) both_end = p;
  }
  return both_end;
}

/// U+V* at p, or null.
const char* skip_upper(const CharClasses& classes, const char* p, const char* end) {
  const char* at = p;
  while (at < end) {
    const Here here = look(classes, at);
    if (!in_upper(here)) break;
    at = here.next;
  }
  return at == p ? nullptr : skip_lower(classes, at, end);
}

/// `[^\r\n\p{L}\p{N}]?U*V+|[^\r\n\p{L}\p{N}]?U+V*` at p, or p.
const char* skip_cased_word(const CharClasses& classes, const char* p, const char* end) {
  const Here first = look(classes, p);
  const bool led = !first.is(kLetter | kNumber) && !is_newline(*p);
  for (const auto body : {skip_upper_lower, skip_upper}) {
    if (led)
      if (const char* at = body(classes, first.next, end)) return at;
    if (const char* at = body(classes, p, end)) return at;
  }
  return p;
}

Match match_llama3_like(const CharClasses& classes, const char* p, const char* end, int digits) {
  if (const char* at = skip_contraction(p, end); at != p) return {p, at};
  if (const char* at = skip_word(classes, p, end); at != p) return {p, at};
  if (const char* at = skip_few(classes, p, end, kNumber, digits); at != p) return {p, at};
  if (const char* at = skip_marks(classes, p, end, false); at != p) return {p, at};
  return {p, skip_spaces_and_lines(classes, p, end)};
}

Match match_cased(const CharClasses& classes, const char* p, const char* end, int digits,
                  bool contractions) {
  if (const char* at = skip_cased_word(classes, p, end); at != p)
    return {p, contractions ? skip_contraction(at, end) : at};
  if (const char* at = skip_few(classes, p, end, kNumber, digits); at != p) return {p, at};
  if (const char* at = skip_marks(classes, p, end, true); at != p) return {p, at};
  return {p, skip_spaces_and_lines(classes, p, end)};
}

bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_ascii_mark(char c) {
  return c > ' ' && c < 0x7F && !is_ascii_letter(c) && !(c >= '0' && c <= '9');
}

/// What match_deepseek3 matches at p, or p.
const char* skip_deepseek3(const CharClasses& classes, const char* p, const char* end) {
  if (is_ascii_mark(*p) && end - p > 1 && is_ascii_letter(p[1])) {
    const char* at = p + 1;
    while (at < end && is_ascii_letter(*at)) ++at;
    return at;
  }
  const Here here = look(classes, p);
  if (!here.is(kLetter | kPunctuation | kSymbol) && !is_newline(*p)) {
    const char* at = skip_any(classes, here.next, end, kLetter | kMark);
    if (at != here.next) return at;
  }
  if (here.is(kLetter | kMark)) return skip_any(classes, here.next, end, kLetter | kMark);
  const char* from = *p == ' ' ? p + 1 : p;
  const char* at = skip_any(classes, from, end, kPunctuation | kSymbol);
  if (at != from) {
    while (at < end && is_newline(*at)) ++at;
    return at;
  }
  return here.is(kSpace) ? skip_spaces_and_lines(classes, p, end) : p;
}

}  // namespace

Match match_gpt2(const CharClasses& classes, const char* p, const char* end) {
  if (*p == '\'')
    if (const char* at = skip_plain_contraction(p, end); at != p) return {p, at};
  const char* from = *p == ' ' && end - p > 1 ? p + 1 : p;
  const Here here = look(classes, from);
  if (here.is(kLetter)) return {p, skip_any(classes, here.next, end, kLetter)};
  if (here.is(kNumber)) return {p, skip_any(classes, here.next, end, kNumber)};
  if (!here.is(kSpace)) return {p, skip_none(classes, here.next, end, kWordOrSpace)};
  return {p, skip_spaces(classes, p, end)};
}

Match match_llama3(const CharClasses& classes, const char* p, const char* end) {
  return match_llama3_like(classes, p, end, 3);
}

Match match_qwen2(const CharClasses& classes, const char* p, const char* end) {
  return match_llama3_like(classes, p, end, 1);
}

Match match_tekken(const CharClasses& classes, const char* p, const char* end) {
  return match_cased(classes, p, end, 1, false);
}

Match match_gpt4o(const CharClasses& classes, const char* p, const char* end) {
  return match_cased(classes, p, end, 3, true);
}

Match match_deepseek3(const CharClasses& classes, const char* p, const char* end) {
  for (; p < end; p += read_char(p).size)
    if (const char* at = skip_deepseek3(classes, p, end); at != p) return {p, at};
  return {end, end};
}

}  // namespace galley::text
