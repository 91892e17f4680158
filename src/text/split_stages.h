#pragma once

#include "char_class.h"

namespace galley::text {

/// Where an expression matches next; both at the end of the text where it does not.
struct Match {
  const char* begin;
  const char* end;
};

/// Finds the first match at or after `p` in well-formed text that ends at `end`, in time linear in
/// what it passes over. Written by hand from the regular expressions that stand at each: no general
/// engine is as fast, nor as safe from text made to slow it down.
using Stage = Match (*)(const CharClasses& classes, const char* p, const char* end);

/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
Match match_gpt2(const CharClasses&, const char* p, const char* end);
/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
///   |\s*[\r\n]+|\s+(?!\S)|\s+
Match match_llama3(const CharClasses&, const char* p, const char* end);
/// The same with one \p{N}.
Match match_qwen2(const CharClasses&, const char* p, const char* end);
/// With U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and V = [\p{Ll}\p{Lm}\p{Lo}\p{M}]:
/// [^\r\n\p{L}\p{N}]?U*V+|[^\r\n\p{L}\p{N}]?U+V*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*
///   |\s*[\r\n]+|\s+(?!\S)|\s+
Match match_tekken(const CharClasses&, const char* p, const char* end);
/// The same with \p{N}{1,3}, and with (?i:'s|'t|'re|'ve|'m|'ll|'d)? behind a word.
Match match_gpt4o(const CharClasses&, const char* p, const char* end);
/// [!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*
///   |\s*[\r\n]+|\s+(?!\S)|\s+
Match match_deepseek3(const CharClasses&, const char* p, const char* end);

/// \p{N} · \p{N}+ · \p{N}{1,3} · [0-9][0-9][0-9]
Match match_digit(const CharClasses&, const char* p, const char* end);
Match match_digits(const CharClasses&, const char* p, const char* end);
Match match_three_digits(const CharClasses&, const char* p, const char* end);
Match match_ascii_triple(const CharClasses&, const char* p, const char* end);
/// [\p{P}$+<=>^~|`]+, with and without the grave accent · [\p{P}!-/:-@\[-`{-~]
Match match_falcon_marks(const CharClasses&, const char* p, const char* end);
Match match_default_marks(const CharClasses&, const char* p, const char* end);
Match match_any_mark(const CharClasses&, const char* p, const char* end);
/// [\r\n] · \s+$ · \s?\p{L}+ · \s?\p{P}+
Match match_newline(const CharClasses&, const char* p, const char* end);
Match match_last_space(const CharClasses&, const char* p, const char* end);
Match match_coder_letters(const CharClasses&, const char* p, const char* end);
Match match_coder_marks(const CharClasses&, const char* p, const char* end);
/// \s?[the cased letters that DeepSeek lists]+ · \s?[!-/:-~！-／：-～‘-‟　-。]+
Match match_cased_letters(const CharClasses&, const char* p, const char* end);
Match match_wide_marks(const CharClasses&, const char* p, const char* end);
/// [\u0800-\u9FA5\uAC00-\uD7FF]+ · [\u4E00-\u9FA5\u3040-\u30FF]+
Match match_cjk(const CharClasses&, const char* p, const char* end);
Match match_han_kana(const CharClasses&, const char* p, const char* end);
///  ?[^(\s|.,!?…。，、।۔،)]+
Match match_bloom(const CharClasses&, const char* p, const char* end);
/// <sentinel:[0-9]+> · IMGIMG[A-I]{1,4}Z · [\t\n]|    |  (four spaces, two spaces)
Match match_sentinel(const CharClasses&, const char* p, const char* end);
Match match_image(const CharClasses&, const char* p, const char* end);
Match match_indent(const CharClasses&, const char* p, const char* end);

}  // namespace galley::text
