#include "store/filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace galley::store {
namespace {

enum class TokenKind { word, text, number, symbol, end };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;  // a text without its quotes
  std::size_t position = 0;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.';
}

Error fault(std::size_t position, std::string message, std::string expected = {},
            std::string hint = {}) {
  return Error{Errc::invalid_argument,
               "cannot read the filter at position " + std::to_string(position + 1) + ": " +
                   std::move(message),
               "filter", std::move(expected), std::move(hint)};
}

std::string shown(const Token& token) {
  constexpr std::size_t kShown = 40;
  if (token.kind == TokenKind::end) return "its end";
  return "'" + to_valid_utf8(token.text.substr(0, kShown)) + "'";
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<Token> next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    const std::size_t start = at_;
    if (at_ == text_.size()) return Token{TokenKind::end, {}, start};
    const char c = text_[at_];
    if (c == '"' || c == '\'') return quoted(c);
    if (is_digit(c) || c == '-' || c == '+') return number();
    if (is_word(c)) {
      while (at_ < text_.size() && is_word(text_[at_])) ++at_;
      Token word{TokenKind::word, std::string(text_.substr(start, at_ - start)), start};
      if (!word.text.ends_with('.') || at_ == text_.size()) return word;
      if (const char quote = text_[at_]; quote == '"' || quote == '\'' || quote == '`') {
        GALLEY_TRY(const auto key, quoted(quote));
        word.text += key.text;
      }
      return word;
    }
    for (const std::string_view symbol : {"!=", "<=", ">=", "=", "<", ">", "(", ")", ","})
      if (text_.substr(at_).starts_with(symbol)) {
        at_ += symbol.size();
        return Token{TokenKind::symbol, std::string(symbol), start};
      }
    return fault(start, "a character that means nothing here",
                 "a field, a value, a comparison, and, or, not, in or a parenthesis");
  }

 private:
  Result<Token> quoted(char quote) {
    Token token{TokenKind::text, {}, at_++};
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      token.text += text_[at_++];
    }
    if (at_ == text_.size()) return fault(token.position, "a text without its closing quote");
    ++at_;
    return token;
  }

  Result<Token> number() {
    const std::size_t start = at_++;
    while (at_ < text_.size() &&
           (is_word(text_[at_]) || ((text_[at_] == '-' || text_[at_] == '+') &&
                                    (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'))))
      ++at_;
    return Token{TokenKind::number, std::string(text_.substr(start, at_ - start)), start};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// What the left side of a comparison names: a field, or a key of a family.
struct FieldUse {
  const FilterField* field = nullptr;
  const FilterFamily* family = nullptr;
  std::string key{};
};

class Parser {
 public:
  Parser(std::string_view text, std::span<const FilterField> fields,
         std::span<const FilterFamily> families)
      : lexer_(text), fields_(fields), families_(families) {}

  Result<Filter> parse() {
    GALLEY_TRY_STATUS(advance());
    if (token_.kind == TokenKind::end) return Filter{};
    GALLEY_TRY_STATUS(alternatives(0));
    if (token_.kind != TokenKind::end)
      return fault(token_.position, "found " + shown(token_), "and, or, or the end");
    return std::move(filter_);
  }

 private:
  Status advance() {
    GALLEY_TRY(token_, lexer_.next());
    return ok();
  }
  bool is_symbol(std::string_view symbol) const {
    return token_.kind == TokenKind::symbol && token_.text == symbol;
  }
  bool is_keyword(std::string_view keyword) const {
    return token_.kind == TokenKind::word &&
           std::ranges::equal(token_.text, keyword, [](char a, char b) { return (a | 0x20) == b; });
  }
  Status expect(std::string_view symbol) {
    if (!is_symbol(symbol))
      return fault(token_.position, "found " + shown(token_), "'" + std::string(symbol) + "'");
    return advance();
  }

  Status alternatives(int depth) {
    filter_.sql += '(';
    GALLEY_TRY_STATUS(conjunction(depth));
    while (is_keyword("or")) {
      is_more_than_conjunction();
      filter_.sql += " or ";
      GALLEY_TRY_STATUS(advance());
      GALLEY_TRY_STATUS(conjunction(depth));
    }
    filter_.sql += ')';
    return ok();
  }

  Status conjunction(int depth) {
    GALLEY_TRY_STATUS(term(depth));
    while (is_keyword("and")) {
      filter_.sql += " and ";
      GALLEY_TRY_STATUS(advance());
      GALLEY_TRY_STATUS(term(depth));
    }
    return ok();
  }

  Status term(int depth) {
    if (depth >= kMaxFilterDepth)
      return fault(token_.position, "more than " + std::to_string(kMaxFilterDepth) +
                                        " parentheses and nots inside each other");
    if (is_keyword("not")) {
      is_more_than_conjunction();
      filter_.sql += "not ";
      GALLEY_TRY_STATUS(advance());
      return term(depth + 1);
    }
    if (!is_symbol("(")) return comparison();
    GALLEY_TRY_STATUS(advance());
    GALLEY_TRY_STATUS(alternatives(depth + 1));
    return expect(")");
  }

  Status comparison() {
    GALLEY_TRY(const FieldUse field, known_field());
    GALLEY_TRY_STATUS(advance());
    bool negated = false;
    if (is_keyword("not")) {
      negated = true;
      GALLEY_TRY_STATUS(advance());
    }
    if (is_keyword("in")) return membership(field, negated);
    constexpr std::array<std::string_view, 6> kOperators{"=", "!=", "<", "<=", ">", ">="};
    const auto* const known = std::ranges::find(kOperators, token_.text);
    if (token_.kind != TokenKind::symbol || known == kOperators.end() || negated)
      return fault(token_.position, "found " + shown(token_),
                   negated ? "in after not" : "= != < <= > >= or in");
    GALLEY_TRY_STATUS(advance());
    filter_.sql += '(';
    GALLEY_TRY_STATUS(left_side(field));
    filter_.sql += *known == "!=" ? "<>" : *known;
    GALLEY_TRY_STATUS(value(field));
    filter_.sql += ')';
    if (filter_.is_conjunction)
      filter_.terms.push_back({field.field != nullptr ? field.field->name : field.family->prefix,
                               field.key, *known, filter_.parameters.back()});
    return ok();
  }

  Status membership(const FieldUse& field, bool negated) {
    is_more_than_conjunction();
    GALLEY_TRY_STATUS(advance());
    GALLEY_TRY_STATUS(expect("("));
    filter_.sql += '(';
    GALLEY_TRY_STATUS(left_side(field));
    filter_.sql += negated ? " not in (" : " in (";
    const TokenKind kind = token_.kind;
    GALLEY_TRY_STATUS(value(field));
    while (is_symbol(",")) {
      filter_.sql += ", ";
      GALLEY_TRY_STATUS(advance());
      if (field.family != nullptr && token_.kind != kind && token_.kind != TokenKind::end)
        return fault(token_.position, "found " + shown(token_) + " in a list that began otherwise",
                     "only texts or only numbers");
      GALLEY_TRY_STATUS(value(field));
    }
    GALLEY_TRY_STATUS(expect(")"));
    filter_.sql += "))";
    return ok();
  }

  /// The column or expression; that of a family depends on the value, which is the next token.
  Status left_side(const FieldUse& field) {
    if (field.field != nullptr) {
      filter_.sql += field.field->sql;
      return ok();
    }
    const bool is_number = token_.kind == TokenKind::number;
    std::string sql(is_number ? field.family->number_sql : field.family->text_sql);
    if (sql.empty() || (!is_number && token_.kind != TokenKind::text))
      return fault(
          token_.position,
          "found " + shown(token_) + " for field " + std::string(field.family->prefix) + field.key,
          field.family->text_sql.empty()     ? "a number"
          : field.family->number_sql.empty() ? "a text in quotes"
                                             : "a number or a text in quotes");
    filter_.parameters.emplace_back(field.key);
    const auto place = sql.find("{}");
    if (place != std::string::npos)
      sql.replace(place, 2, ':' + std::to_string(filter_.parameters.size()));
    filter_.sql += sql;
    return ok();
  }

  void is_more_than_conjunction() {
    filter_.is_conjunction = false;
    filter_.terms.clear();
  }

  Result<FieldUse> known_field() const {
    std::vector<std::string> names;
    std::string listed;
    const auto list = [&](std::string name) {
      listed += (listed.empty() ? "" : ", ") + name;
      names.push_back(std::move(name));
    };
    for (const FilterField& field : fields_) list(std::string(field.name));
    for (const FilterFamily& family : families_) list(std::string(family.prefix) + "NAME");
    if (token_.kind != TokenKind::word)
      return fault(token_.position, "found " + shown(token_), "one of the fields " + listed);
    const auto found = std::ranges::find(fields_, token_.text, &FilterField::name);
    if (found != fields_.end()) return FieldUse{.field = &*found};
    for (const FilterFamily& family : families_)
      if (token_.text.starts_with(family.prefix) && token_.text.size() > family.prefix.size())
        return family_use(family);
    const std::string close = nearest(token_.text, names);
    return fault(token_.position, "there is no field " + shown(token_), "one of " + listed,
                 close.empty() ? std::string() : "did you mean " + close + "?");
  }

  Result<FieldUse> family_use(const FilterFamily& family) const {
    FieldUse use{.family = &family, .key = token_.text.substr(family.prefix.size())};
    if (use.key.size() <= kMaxFilterKeyBytes && is_valid_utf8(use.key) &&
        use.key.find('\0') == std::string::npos)
      return use;
    return fault(token_.position, "found " + shown(token_),
                 "a key of at most " + std::to_string(kMaxFilterKeyBytes) + " bytes of UTF-8");
  }

  Status value(const FieldUse& use) {
    FilterField field{"", ""};
    std::string name;
    if (use.field != nullptr) {
      field = *use.field;
    } else {
      name = std::string(use.family->prefix) + use.key;
      field = {name, "", token_.kind == TokenKind::number ? FilterType::real : FilterType::text};
    }
    if (filter_.parameters.size() >= kMaxFilterValues)
      return fault(token_.position, "more than " + std::to_string(kMaxFilterValues) + " values");
    GALLEY_TRY(auto parsed, convert(field));
    filter_.parameters.push_back(std::move(parsed));
    filter_.sql += ':' + std::to_string(filter_.parameters.size());
    return advance();
  }

  Result<Value> convert(const FilterField& field) const {
    const std::string& text = token_.text;
    const auto wrong = [&](std::string expected) {
      return fault(token_.position,
                   "found " + shown(token_) + " for field " + std::string(field.name),
                   std::move(expected));
    };
    switch (field.type) {
      case FilterType::text:
        if (token_.kind != TokenKind::text) return wrong("a text in quotes");
        if (!is_valid_utf8(text) || text.find('\0') != std::string::npos)
          return wrong("a text of valid UTF-8");
        return Value(text);
      case FilterType::time: {
        if (token_.kind != TokenKind::text) return wrong("a time in quotes");
        const auto time = parse_rfc3339(text);
        if (!time) return wrong(time.error().expected);
        return Value(to_ms(*time));
      }
      case FilterType::integer: {
        std::int64_t number = 0;
        if (token_.kind != TokenKind::number || !read(text, number)) return wrong("a whole number");
        return Value(number);
      }
      case FilterType::real: {
        double number = 0;
        if (token_.kind != TokenKind::number || !read(text, number) || !std::isfinite(number))
          return wrong("a number");
        return Value(number);
      }
    }
    return wrong("a value");
  }

  template <class Number>
  static bool read(std::string_view text, Number& number) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
  }

  Lexer lexer_;
  std::span<const FilterField> fields_;
  std::span<const FilterFamily> families_;
  Token token_;
  Filter filter_;
};

}  // namespace

Result<Filter> parse_filter(std::string_view text, std::span<const FilterField> fields,
                            std::span<const FilterFamily> families) {
  if (text.size() > kMaxFilterBytes)
    return Error{Errc::invalid_argument, "the filter has " + std::to_string(text.size()) + " bytes",
                 "filter", "at most " + std::to_string(kMaxFilterBytes) + " bytes"};
  return Parser(text, fields, families).parse();
}

}  // namespace galley::store
