#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::text::templates {

enum class TokenKind : std::uint8_t {
  data,  // text between tags, whitespace control applied
  block_begin,
  block_end,
  output_begin,
  output_end,
  name,
  string,
  integer,
  real,
  symbol,
  end
};

struct Lexeme {
  TokenKind kind = TokenKind::end;
  std::string text;  // a string's value with its escapes resolved
  int line = 1;
};

/// Cuts a template into lexemes; the last is `end`. Whitespace as Jinja2 treats it under
/// trim_blocks and lstrip_blocks, which is how chat templates are rendered where they come from:
/// a newline after a block and the indentation before one do not count; "-" strips all whitespace
/// on its side and "+" leaves it. Errors: invalid_argument, naming the line.
Result<std::vector<Lexeme>> lex_template(std::string_view source);

}  // namespace galley::text::templates
