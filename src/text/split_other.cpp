#include <algorithm>
#include <array>
#include <string_view>

#include "split_scan.h"
#include "split_stages.h"

namespace galley::text {
namespace {

/// The first run of characters that keep(here) allows.
template <class Keep>
Match first_run(const CharClasses& classes, const char* p, const char* end, Keep keep) {
  while (p < end) {
    const Here here = look(classes, p);
    if (!keep(here)) {
      p = here.next;
      continue;
    }
    const char* at = here.next;
    while (at < end) {
      const Here more = look(classes, at);
      if (!keep(more)) break;
      at = more.next;
    }
    return {p, at};
  }
  return {end, end};
}

/// The first `\s?X+` where keep(here) says what an X is. X may itself be white space.
template <class Keep>
Match spaced_run(const CharClasses& classes, const char* p, const char* end, Keep keep) {
  while (p < end) {
    const Here here = look(classes, p);
    const char* from = here.is(kSpace) ? here.next : p;
    const char* at = from;
    while (at < end) {
      const Here more = look(classes, at);
      if (!keep(more)) break;
      at = more.next;
    }
    if (at != from) return {p, at};
    if (keep(here)) return {p, here.next};
    p = here.next;
  }
  return {end, end};
}

/// The first match of any class, cut after `limit` characters.
Match first_few(const CharClasses& classes, const char* p, const char* end, unsigned mask,
                int limit) {
  p = skip_none(classes, p, end, mask);
  return {p, skip_few(classes, p, end, mask, limit)};
}

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

struct Range {
  char32_t first, last;
};

template <std::size_t N>
bool contains(const std::array<Range, N>& ranges, char32_t c) {
  const auto after = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return after != ranges.begin() && c <= std::prev(after)->last;
}

/// The letters with case of an older Unicode, as DeepSeek's tokenizer.json enumerates them.
constexpr std::array kLettersWithCase = std::to_array<Range>(
    {{0x41, 0x5A},       {0x61, 0x7A},       {0xB5, 0xB5},       {0xC0, 0xD6},
     {0xD8, 0xF6},       {0xF8, 0x1BA},      {0x1BC, 0x1BF},     {0x1C4, 0x293},
     {0x295, 0x2AF},     {0x370, 0x373},     {0x376, 0x377},     {0x37B, 0x37D},
     {0x37F, 0x37F},     {0x386, 0x386},     {0x388, 0x38A},     {0x38C, 0x38C},
     {0x38E, 0x3A1},     {0x3A3, 0x3F5},     {0x3F7, 0x481},     {0x48A, 0x52F},
     {0x531, 0x556},     {0x10A0, 0x10C5},   {0x13A0, 0x13F5},   {0x13F8, 0x13FD},
     {0x1C90, 0x1CBA},   {0x1CBD, 0x1CBF},   {0x1D00, 0x1D2B},   {0x1D6B, 0x1D77},
     {0x1D79, 0x1D9A},   {0x1E00, 0x1F15},   {0x1F18, 0x1F1D},   {0x1F20, 0x1F45},
     {0x1F48, 0x1F4D},   {0x1F50, 0x1F57},   {0x1F59, 0x1F59},   {0x1F5B, 0x1F5B},
     {0x1F5D, 0x1F5D},   {0x1F5F, 0x1F7D},   {0x1F80, 0x1FB4},   {0x1FB6, 0x1FBC},
     {0x1FBE, 0x1FBE},   {0x1FC2, 0x1FC4},   {0x1FC6, 0x1FCC},   {0x1FD0, 0x1FD3},
     {0x1FD6, 0x1FDB},   {0x1FE0, 0x1FEC},   {0x1FF2, 0x1FF4},   {0x1FF6, 0x1FFC},
     {0x2102, 0x2102},   {0x2107, 0x2107},   {0x210A, 0x2113},   {0x2115, 0x2115},
     {0x2119, 0x211D},   {0x2124, 0x2124},   {0x2126, 0x2126},   {0x2128, 0x2128},
     {0x212A, 0x212D},   {0x212F, 0x2134},   {0x2139, 0x2139},   {0x213C, 0x213F},
     {0x2145, 0x2149},   {0x214E, 0x214E},   {0x2183, 0x2184},   {0x2C00, 0x2C7B},
     {0x2C7E, 0x2CE4},   {0x2CEB, 0x2CEE},   {0x2CF2, 0x2CF3},   {0xA640, 0xA66D},
     {0xA680, 0xA69B},   {0xA722, 0xA76F},   {0xA771, 0xA787},   {0xA78B, 0xA78E},
     {0xAB70, 0xABBF},   {0xFB00, 0xFB06},   {0xFB13, 0xFB17},   {0xFF21, 0xFF3A},
     {0xFF41, 0xFF5A},   {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB},
     {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943}});

bool is_wide_mark(char32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '~') || (c >= 0xFF01 && c <= 0xFF0F) ||
         (c >= 0xFF1A && c <= 0xFF5E) || (c >= 0x2018 && c <= 0x201F) ||
         (c >= 0x3000 && c <= 0x3002);
}

bool ends_bloom_word(char32_t c) {
  constexpr std::u32string_view kEnds = U"(|.,!?…。，、।۔،)";
  return kEnds.find(c) != std::u32string_view::npos;
}

bool is_falcon_sign(char32_t c, bool grave) {
  constexpr std::u32string_view kSigns = U"$+<=>^~|";
  return kSigns.find(c) != std::u32string_view::npos || (grave && c == U'`');
}

}  // namespace

Match match_digit(const CharClasses& classes, const char* p, const char* end) {
  return first_few(classes, p, end, kNumber, 1);
}

Match match_digits(const CharClasses& classes, const char* p, const char* end) {
  p = skip_none(classes, p, end, kNumber);
  return {p, skip_any(classes, p, end, kNumber)};
}

Match match_three_digits(const CharClasses& classes, const char* p, const char* end) {
  return first_few(classes, p, end, kNumber, 3);
}

Match match_ascii_triple(const CharClasses&, const char* p, const char* end) {
  for (; end - p >= 3; ++p)
    if (is_ascii_digit(p[0]) && is_ascii_digit(p[1]) && is_ascii_digit(p[2])) return {p, p + 3};
  return {end, end};
}

Match match_falcon_marks(const CharClasses& classes, const char* p, const char* end) {
  return first_run(classes, p, end, [](const Here& here) {
    return here.is(kPunctuation) || is_falcon_sign(here.code_point, true);
  });
}

Match match_default_marks(const CharClasses& classes, const char* p, const char* end) {
  return first_run(classes, p, end, [](const Here& here) {
    return here.is(kPunctuation) || is_falcon_sign(here.code_point, false);
  });
}

Match match_any_mark(const CharClasses& classes, const char* p, const char* end) {
  while (p < end) {
    const Here here = look(classes, p);
    if (here.is(kPunctuation) || (here.code_point < 0x80 && here.is(kSymbol)))
      return {p, here.next};
    p = here.next;
  }
  return {end, end};
}

Match match_newline(const CharClasses&, const char* p, const char* end) {
  p = std::find_if(p, end, is_newline);
  return {p, p == end ? end : p + 1};
}

Match match_last_space(const CharClasses& classes, const char* p, const char* end) {
  while (p < end) {
    p = skip_none(classes, p, end, kSpace);
    const char* at = skip_any(classes, p, end, kSpace);
    if (at == end) return {p, end};
    p = at;
  }
  return {end, end};
}

Match match_coder_letters(const CharClasses& classes, const char* p, const char* end) {
  return spaced_run(classes, p, end, [](const Here& here) { return here.is(kLetter); });
}

Match match_coder_marks(const CharClasses& classes, const char* p, const char* end) {
  return spaced_run(classes, p, end, [](const Here& here) { return here.is(kPunctuation); });
}

Match match_cased_letters(const CharClasses& classes, const char* p, const char* end) {
  return spaced_run(classes, p, end, [](const Here& here) {
    // Everything in the list is a letter; most characters that are not asked for it.
    return here.is(kLetter) && contains(kLettersWithCase, here.code_point);
  });
}

Match match_wide_marks(const CharClasses& classes, const char* p, const char* end) {
  return spaced_run(classes, p, end,
                    [](const Here& here) { return is_wide_mark(here.code_point); });
}

Match match_cjk(const CharClasses& classes, const char* p, const char* end) {
  return first_run(classes, p, end, [](const Here& here) {
    const char32_t c = here.code_point;
    return (c >= 0x800 && c <= 0x9FA5) || (c >= 0xAC00 && c <= 0xD7FF);
  });
}

Match match_han_kana(const CharClasses& classes, const char* p, const char* end) {
  return first_run(classes, p, end, [](const Here& here) {
    const char32_t c = here.code_point;
    return (c >= 0x4E00 && c <= 0x9FA5) || (c >= 0x3040 && c <= 0x30FF);
  });
}

Match match_bloom(const CharClasses& classes, const char* p, const char* end) {
  const auto in_word = [](const Here& here) {
    return !here.is(kSpace) && !ends_bloom_word(here.code_point);
  };
  const Match run = first_run(classes, p, end, in_word);
  const bool led = run.begin != end && run.begin > p && run.begin[-1] == ' ';
  return {led ? run.begin - 1 : run.begin, run.end};
}

Match match_sentinel(const CharClasses&, const char* p, const char* end) {
  constexpr std::string_view kOpening = "<sentinel:";
  while (true) {
    p = std::search(p, end, kOpening.begin(), kOpening.end());
    if (p == end) return {end, end};
    const char* digits = p + kOpening.size();
    const char* at = std::find_if_not(digits, end, is_ascii_digit);
    if (at != digits && at != end && *at == '>') return {p, at + 1};
    p = digits;
  }
}

Match match_image(const CharClasses&, const char* p, const char* end) {
  constexpr std::string_view kOpening = "IMGIMG";
  while (true) {
    p = std::search(p, end, kOpening.begin(), kOpening.end());
    if (p == end) return {end, end};
    const char* letters = p + kOpening.size();
    const char* at = std::find_if_not(letters, end, [](char c) { return c >= 'A' && c <= 'I'; });
    if (at != letters && at - letters <= 4 && at != end && *at == 'Z') return {p, at + 1};
    ++p;
  }
}

Match match_indent(const CharClasses&, const char* p, const char* end) {
  for (; p < end; ++p) {
    if (*p == '\t' || *p == '\n') return {p, p + 1};
    if (*p != ' ' || end - p < 2 || p[1] != ' ') continue;
    const bool four = end - p >= 4 && p[2] == ' ' && p[3] == ' ';
    return {p, p + (four ? 4 : 2)};
  }
  return {end, end};
}

}  // namespace galley::text
