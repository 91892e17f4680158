#include "template_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace galley::text::templates {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool in_name(char c) { return starts_name(c) || is_digit(c); }

/// Longest first, so that "//" is not read as two divisions.
constexpr std::array<std::string_view, 25> kSymbols{
    "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<",
    ">",  "=",  ".",  ",",  ":",  "|",  "(", ")", "[", "]", "{", "}"};

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Lexeme>> run() {
    while (at_ < source_.size() && !failure_) next_tag();
    if (failure_) return *failure_;
    push(TokenKind::end, {});
    return std::move(lexemes_);
  }

 private:
  void push(TokenKind kind, std::string text) {
    lexemes_.push_back({kind, std::move(text), line_});
  }

  void fail(std::string what) {
    if (!failure_)
      failure_ = Error{Errc::invalid_argument,
                       "chat template, line " + std::to_string(line_) + ": " + std::move(what)};
  }

  bool looking_at(std::string_view text) const { return source_.substr(at_).starts_with(text); }

  /// Moves on and counts lines.
  void skip(std::size_t count) {
    const auto passed = source_.substr(at_, count);
    line_ += static_cast<int>(std::ranges::count(passed, '\n'));
    at_ += passed.size();
    if (!passed.empty()) line_starts_ = passed.back() == '\n';
  }

  void skip_space() {
    std::size_t count = 0;
    while (at_ + count < source_.size() && is_space(source_[at_ + count])) ++count;
    skip(count);
  }

  /// The text up to the next tag, and the tag.
  void next_tag() {
    std::size_t open = source_.find('{', at_);
    while (open != std::string_view::npos && open + 1 < source_.size() &&
           source_[open + 1] != '{' && source_[open + 1] != '%' && source_[open + 1] != '#')
      open = source_.find('{', open + 1);
    if (open == std::string_view::npos || open + 1 >= source_.size()) {
      push(TokenKind::data, std::string(source_.substr(at_)));
      at_ = source_.size();
      return;
    }
    const char type = source_[open + 1];
    const char sign = open + 2 < source_.size() ? source_[open + 2] : '\0';
    std::string_view data = source_.substr(at_, open - at_);
    if (sign == '-') {
      while (!data.empty() && is_space(data.back())) data.remove_suffix(1);
    } else if (sign != '+' && type != '{') {
      data = without_indentation(data);
    }
    if (!data.empty()) push(TokenKind::data, std::string(data));
    skip(open - at_ + 2);
    if (sign == '-' || sign == '+') skip(1);
    if (type == '#') return comment();
    if (type == '%' && raw_block()) return;
    push(type == '{' ? TokenKind::output_begin : TokenKind::block_begin, {});
    inside(type == '{' ? "}}" : "%}", type == '{' ? TokenKind::output_end : TokenKind::block_end);
  }

  std::string_view without_indentation(std::string_view data) const {
    const std::size_t line = data.rfind('\n') + 1;  // npos + 1 is 0: the first line
    if (line == 0 && !line_starts_) return data;
    return std::ranges::all_of(data.substr(line), is_space) ? data.substr(0, line) : data;
  }

  /// What follows a closing tag: all whitespace after "-", one newline after a block.
  void after_tag(bool strip, bool trim) {
    if (strip)
      skip_space();
    else if (trim && looking_at("\n"))
      skip(1);
  }

  void comment() {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) {
      fail("a comment {# is never closed");
      return;
    }
    const char sign = end > at_ ? source_[end - 1] : '\0';
    skip(end + 2 - at_);
    after_tag(sign == '-', sign != '+');
  }

  /// Matches "%}" with its sign after optional space at `position`; 0 where it is not there.
  std::size_t tag_end(std::size_t position, char& sign) const {
    while (position < source_.size() && is_space(source_[position])) ++position;
    sign = '\0';
    if (position < source_.size() && (source_[position] == '-' || source_[position] == '+'))
      sign = source_[position++];
    return source_.substr(position).starts_with("%}") ? position + 2 : 0;
  }

  std::size_t after_word(std::size_t position, std::string_view word) const {
    while (position < source_.size() && is_space(source_[position])) ++position;
    return source_.substr(position).starts_with(word) ? position + word.size() : 0;
  }

  /// {% raw %} ... {% endraw %}: text that is not looked into.
  bool raw_block() {
    char sign = '\0';
    const std::size_t word = after_word(at_, "raw");
    const std::size_t body = word == 0 ? 0 : tag_end(word, sign);
    if (body == 0) return false;
    skip(body - at_);
    after_tag(sign == '-', false);
    for (std::size_t open = source_.find("{%", at_); open != std::string_view::npos;
         open = source_.find("{%", open + 2)) {
      const bool strips = open + 2 < source_.size() && source_[open + 2] == '-';
      const std::size_t name = after_word(open + (strips ? 3 : 2), "endraw");
      const std::size_t end = name == 0 ? 0 : tag_end(name, sign);
      if (end == 0) continue;
      std::string_view data = source_.substr(at_, open - at_);
      while (strips && !data.empty() && is_space(data.back())) data.remove_suffix(1);
      if (!strips) data = without_indentation(data);
      push(TokenKind::data, std::string(data));
      skip(end - at_);
      after_tag(sign == '-', sign != '+');
      return true;
    }
    fail("{% raw %} without {% endraw %}");
    return true;
  }

  void inside(std::string_view close, TokenKind close_kind) {
    std::string brackets;  // closers expected; inside them "}}" is two braces
    while (!failure_) {
      skip_space();
      if (at_ >= source_.size()) {
        fail("a tag is never closed by " + std::string(close));
        return;
      }
      if (brackets.empty()) {
        const bool block = close_kind == TokenKind::block_end;
        const char sign = source_[at_];
        const bool has_sign = sign == '-' || (block && sign == '+');
        if (source_.substr(at_ + (has_sign ? 1 : 0)).starts_with(close)) {
          push(close_kind, {});
          skip(has_sign ? 3 : 2);
          after_tag(sign == '-', block && sign != '+');
          return;
        }
      }
      lexeme(brackets);
    }
  }

  void lexeme(std::string& brackets) {
    const char c = source_[at_];
    if (starts_name(c)) {
      std::size_t end = at_;
      while (end < source_.size() && in_name(source_[end])) ++end;
      push(TokenKind::name, std::string(source_.substr(at_, end - at_)));
      skip(end - at_);
    } else if (is_digit(c)) {
      number();
    } else if (c == '"' || c == '\'') {
      quoted(c);
    } else {
      symbol(brackets);
    }
  }

  void number() {
    std::size_t end = at_;
    bool real = false;
    while (end < source_.size() && (is_digit(source_[end]) || source_[end] == '_')) ++end;
    const auto digit_at = [&](std::size_t i) { return i < source_.size() && is_digit(source_[i]); };
    if (end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      real = true;
      for (++end; digit_at(end);) ++end;
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      std::size_t exponent = end + 1;
      if (exponent < source_.size() && (source_[exponent] == '-' || source_[exponent] == '+'))
        ++exponent;
      if (digit_at(exponent)) {
        real = true;
        for (end = exponent; digit_at(end);) ++end;
      }
    }
    std::string digits(source_.substr(at_, end - at_));
    std::erase(digits, '_');
    push(real ? TokenKind::real : TokenKind::integer, std::move(digits));
    skip(end - at_);
  }

  void quoted(char quote) {
    std::string text;
    std::size_t i = at_ + 1;
    while (i < source_.size() && source_[i] != quote) {
      if (source_[i] == '\\' && i + 1 < source_.size())
        i = escape(i + 1, text);
      else
        text.push_back(source_[i++]);
    }
    if (i >= source_.size()) {
      fail("a string is never closed");
      return;
    }
    push(TokenKind::string, std::move(text));
    skip(i + 1 - at_);
  }

  /// Appends what the escape at `i` (past its backslash) stands for; returns where to go on.
  std::size_t escape(std::size_t i, std::string& text) const {
    constexpr std::string_view kLetters = "ntrabfv0\\'\"";
    constexpr std::string_view kMeanings("\n\t\r\a\b\f\v\0\\'\"", 11);
    const char c = source_[i];
    if (const auto known = kLetters.find(c); known != std::string_view::npos) {
      text.push_back(kMeanings[known]);
      return i + 1;
    }
    if (c == '\n') return i + 1;
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    std::uint32_t code = 0;
    const auto hex = source_.substr(i + 1, digits);
    const auto parsed = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    const bool whole = digits > 0 && hex.size() == digits && parsed.ptr == hex.data() + digits;
    if (whole && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF)) {
      append_utf8(text, code);
      return i + 1 + digits;
    }
    text.push_back('\\');  // as Python leaves escapes that it does not know
    text.push_back(c);
    return i + 1;
  }

  void symbol(std::string& brackets) {
    const auto known = std::ranges::find_if(
        kSymbols, [this](std::string_view candidate) { return looking_at(candidate); });
    if (known == kSymbols.end()) {
      fail("'" + to_valid_utf8(source_.substr(at_, 1)) + "' is not part of an expression");
      return;
    }
    if (*known == "(") brackets.push_back(')');
    if (*known == "[") brackets.push_back(']');
    if (*known == "{") brackets.push_back('}');
    if (*known == ")" || *known == "]" || *known == "}") {
      if (brackets.empty() || brackets.back() != known->front()) {
        fail("'" + std::string(*known) + "' closes nothing");
        return;
      }
      brackets.pop_back();
    }
    push(TokenKind::symbol, std::string(*known));
    skip(known->size());
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starts_ = true;
  std::vector<Lexeme> lexemes_;
  std::optional<Error> failure_;
};

}  // namespace

Result<std::vector<Lexeme>> lex_template(std::string_view source) {
  // One newline at the end of the file is the file's, not the text's.
  std::string text;
  text.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      text.push_back('\n');
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      text.push_back(source[i]);
    }
  }
  if (text.ends_with('\n')) text.pop_back();
  return Lexer(text).run();
}

}  // namespace galley::text::templates
