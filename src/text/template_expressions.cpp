#include <array>
#include <charconv>

#include "template_parser.h"

namespace galley::text::templates {
namespace {

const TemplateExpression* unary(Cursor& cursor, bool with_filter);
const TemplateExpression* condition_or(Cursor& cursor);

const TemplateExpression* constant(Cursor& cursor, Value value) {
  TemplateExpression* made = cursor.make(ExpressionKind::literal);
  made->value = value;
  return made;
}

void arguments(Cursor& cursor, TemplateExpression& call) {
  cursor.expect_symbol("(");
  while (!cursor.is_symbol(")") && !cursor.failure()) {
    if (cursor.is(TokenKind::name) && cursor.next().kind == TokenKind::symbol &&
        cursor.next().text == "=") {
      const std::string* name = cursor.expect_name("an argument");
      cursor.advance();
      call.named.emplace_back(name, parse_expression(cursor));
    } else {
      if (!call.named.empty()) cursor.fail("a positional argument follows a named one");
      call.positional.push_back(parse_expression(cursor));
    }
    if (!cursor.take_symbol(",")) break;
  }
  cursor.expect_symbol(")");
}

const TemplateExpression* number(Cursor& cursor) {
  const std::string digits = cursor.now().text;
  const bool real = cursor.is(TokenKind::real);
  cursor.advance();
  const char* end = digits.data() + digits.size();
  if (real) {
    double value = 0;
    if (std::from_chars(digits.data(), end, value).ec != std::errc())
      cursor.fail("the number " + digits + " is too large");
    return constant(cursor, Value::of(value));
  }
  std::int64_t value = 0;
  if (std::from_chars(digits.data(), end, value).ec != std::errc())
    cursor.fail("the number " + digits + " is too large");
  return constant(cursor, Value::of(value));
}

const TemplateExpression* sequence(Cursor& cursor, std::string_view close,
                                   std::vector<const TemplateExpression*> items) {
  while (!cursor.is_symbol(close) && !cursor.failure()) {
    items.push_back(parse_expression(cursor));
    if (!cursor.take_symbol(",")) break;
  }
  cursor.expect_symbol(close);
  return cursor.make(ExpressionKind::list, std::move(items));
}

const TemplateExpression* dict(Cursor& cursor) {
  std::vector<const TemplateExpression*> items;
  while (!cursor.is_symbol("}") && !cursor.failure()) {
    items.push_back(parse_expression(cursor));
    cursor.expect_symbol(":");
    items.push_back(parse_expression(cursor));
    if (!cursor.take_symbol(",")) break;
  }
  cursor.expect_symbol("}");
  return cursor.make(ExpressionKind::dict, std::move(items));
}

const TemplateExpression* parenthesis(Cursor& cursor) {
  if (cursor.is_symbol(")")) return sequence(cursor, ")", {});
  const TemplateExpression* first = parse_expression(cursor);
  if (cursor.take_symbol(",")) return sequence(cursor, ")", {first});
  cursor.expect_symbol(")");
  return first;
}

const TemplateExpression* word(Cursor& cursor) {
  const std::string& name = cursor.now().text;
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    const bool value = name == "true" || name == "True";
    cursor.advance();
    return constant(cursor, Value::of(value));
  }
  if (name == "none" || name == "None") {
    cursor.advance();
    return constant(cursor, Value::none());
  }
  TemplateExpression* made = cursor.make(ExpressionKind::name);
  made->name = cursor.expect_name("a name");
  return made;
}

const TemplateExpression* primary(Cursor& cursor) {
  const Cursor::Level level(cursor);
  switch (cursor.now().kind) {
    case TokenKind::name:
      return word(cursor);
    case TokenKind::integer:
    case TokenKind::real:
      return number(cursor);
    case TokenKind::string: {
      std::string text;
      for (; cursor.is(TokenKind::string); cursor.advance()) text += cursor.now().text;
      return constant(cursor, cursor.constants().string(std::move(text)));
    }
    default:
      break;
  }
  if (cursor.take_symbol("(")) return parenthesis(cursor);
  if (cursor.take_symbol("[")) return sequence(cursor, "]", {});
  if (cursor.take_symbol("{")) return dict(cursor);
  cursor.fail("an expression is missing");
  return constant(cursor, Value());
}

const TemplateExpression* subscript(Cursor& cursor, const TemplateExpression* of) {
  std::array<const TemplateExpression*, 3> bounds{};
  if (!cursor.is_symbol(":")) bounds[0] = parse_expression(cursor);
  if (!cursor.is_symbol(":")) {
    cursor.expect_symbol("]");
    return cursor.make(ExpressionKind::subscript, {of, bounds[0]});
  }
  for (std::size_t i = 1; i < bounds.size() && cursor.take_symbol(":"); ++i)
    if (!cursor.is_symbol(":") && !cursor.is_symbol("]")) bounds[i] = parse_expression(cursor);
  cursor.expect_symbol("]");
  return cursor.make(ExpressionKind::slice, {of, bounds[0], bounds[1], bounds[2]});
}

const TemplateExpression* call(Cursor& cursor, const TemplateExpression* callee) {
  TemplateExpression* made = cursor.make(ExpressionKind::call, {callee});
  arguments(cursor, *made);
  return made;
}

/// The postfixes count as nesting too: what they make is as deep a tree.
const TemplateExpression* postfix(Cursor& cursor, const TemplateExpression* of) {
  for (int length = 0; !cursor.failure(); ++length) {
    if (length > kMaxNesting) cursor.fail("more than 100 subscripts and calls in one expression");
    if (cursor.take_symbol(".")) {
      TemplateExpression* made = cursor.make(ExpressionKind::attribute, {of});
      if (cursor.is(TokenKind::integer)) {
        const TemplateExpression* index = number(cursor);
        made->kind = ExpressionKind::subscript;
        made->children.push_back(index);
      } else {
        made->name = cursor.expect_name("an attribute");
      }
      of = made;
    } else if (cursor.take_symbol("[")) {
      of = subscript(cursor, of);
    } else if (cursor.is_symbol("(")) {
      of = call(cursor, of);
    } else {
      return of;
    }
  }
  return of;
}

std::string dotted_name(Cursor& cursor, std::string_view what) {
  std::string name = *cursor.expect_name(what);
  while (cursor.take_symbol(".")) name += "." + *cursor.expect_name(what);
  return name;
}

const TemplateExpression* filter(Cursor& cursor, const TemplateExpression* input) {
  TemplateExpression* made = cursor.make(ExpressionKind::filter, {input});
  const std::string name = dotted_name(cursor, "a filter's name");
  made->name = cursor.constants().text(name);
  made->filter = find_filter(name);
  if (made->filter == nullptr) cursor.fail("there is no filter '" + name + "' here");
  if (cursor.is_symbol("(")) arguments(cursor, *made);
  return made;
}

/// True where a test's argument without parentheses begins: "is divisibleby 3".
bool begins_argument(const Cursor& cursor) {
  switch (cursor.now().kind) {
    case TokenKind::string:
    case TokenKind::integer:
    case TokenKind::real:
      return true;
    case TokenKind::name:
      for (const std::string_view word : {"and", "or", "else", "if", "is", "not", "in"})
        if (cursor.is_word(word)) return false;
      return true;
    default:
      return cursor.is_symbol("[") || cursor.is_symbol("{");
  }
}

const TemplateExpression* test(Cursor& cursor, const TemplateExpression* input) {
  const bool negated = cursor.take_word("not");
  TemplateExpression* made = cursor.make(ExpressionKind::test, {input});
  const std::string name = dotted_name(cursor, "a test's name");
  made->name = cursor.constants().text(name);
  made->test = find_test(name);
  if (made->test == nullptr) cursor.fail("there is no test '" + name + "' here");
  if (cursor.is_symbol("("))
    arguments(cursor, *made);
  else if (begins_argument(cursor))
    made->positional.push_back(postfix(cursor, primary(cursor)));
  return negated ? cursor.make(ExpressionKind::not_, {made}) : made;
}

const TemplateExpression* filters(Cursor& cursor, const TemplateExpression* of) {
  for (int length = 0; !cursor.failure(); ++length) {
    if (length > kMaxNesting) cursor.fail("more than 100 filters in one expression");
    if (cursor.take_symbol("|"))
      of = filter(cursor, of);
    else if (cursor.take_word("is"))
      of = test(cursor, of);
    else if (cursor.is_symbol("("))
      of = call(cursor, of);
    else
      return of;
  }
  return of;
}

const TemplateExpression* unary(Cursor& cursor, bool with_filter) {
  const Cursor::Level level(cursor);
  const TemplateExpression* made = nullptr;
  if (cursor.take_symbol("-"))
    made = cursor.make(ExpressionKind::negate, {unary(cursor, false)});
  else if (cursor.take_symbol("+"))
    made = unary(cursor, false);
  else
    made = primary(cursor);
  made = postfix(cursor, made);
  return with_filter ? filters(cursor, made) : made;
}

using Parse = const TemplateExpression* (*)(Cursor&);
struct Symbol {
  std::string_view text;
  Operator meaning;
};

/// A row of operators that group from the left. Each adds a level to the tree, hence the bound.
template <std::size_t n>
const TemplateExpression* row(Cursor& cursor, Parse operand, const std::array<Symbol, n>& symbols) {
  const TemplateExpression* left = operand(cursor);
  for (int length = 0; !cursor.failure(); ++length) {
    const Symbol* found = nullptr;
    for (const Symbol& symbol : symbols)
      if (cursor.is_symbol(symbol.text)) found = &symbol;
    if (found == nullptr) return left;
    if (length > kMaxNesting) cursor.fail("more than 100 operators in a row");
    cursor.advance();
    TemplateExpression* made = cursor.make(ExpressionKind::binary, {left, operand(cursor)});
    made->operators = {found->meaning};
    left = made;
  }
  return left;
}

const TemplateExpression* with_filters(Cursor& cursor) { return unary(cursor, true); }

const TemplateExpression* power(Cursor& cursor) {
  return row(cursor, with_filters, std::array{Symbol{"**", Operator::power}});
}

const TemplateExpression* product(Cursor& cursor) {
  return row(cursor, power,
             std::array{Symbol{"*", Operator::multiply}, Symbol{"/", Operator::divide},
                        Symbol{"//", Operator::floor_divide}, Symbol{"%", Operator::modulo}});
}

const TemplateExpression* concatenation(Cursor& cursor) {
  return row(cursor, product, std::array{Symbol{"~", Operator::concatenate}});
}

const TemplateExpression* sum(Cursor& cursor) {
  return row(cursor, concatenation,
             std::array{Symbol{"+", Operator::add}, Symbol{"-", Operator::subtract}});
}

const TemplateExpression* comparison(Cursor& cursor) {
  constexpr std::array kSymbols{
      Symbol{"==", Operator::equal},  Symbol{"!=", Operator::not_equal},
      Symbol{"<", Operator::less},    Symbol{"<=", Operator::less_equal},
      Symbol{">", Operator::greater}, Symbol{">=", Operator::greater_equal}};
  std::vector<const TemplateExpression*> operands{sum(cursor)};
  std::vector<Operator> operators;
  while (!cursor.failure()) {
    const Symbol* found = nullptr;
    for (const Symbol& symbol : kSymbols)
      if (cursor.is_symbol(symbol.text)) found = &symbol;
    if (found != nullptr) {
      cursor.advance();
      operators.push_back(found->meaning);
    } else if (cursor.take_word("in")) {
      operators.push_back(Operator::in);
    } else if (cursor.is_word("not") && cursor.next().kind == TokenKind::name &&
               cursor.next().text == "in") {
      cursor.advance();
      cursor.advance();
      operators.push_back(Operator::not_in);
    } else {
      break;
    }
    operands.push_back(sum(cursor));
  }
  if (operators.empty()) return operands[0];
  TemplateExpression* made = cursor.make(ExpressionKind::compare, std::move(operands));
  made->operators = std::move(operators);
  return made;
}

const TemplateExpression* negation(Cursor& cursor) {
  if (!cursor.take_word("not")) return comparison(cursor);
  const Cursor::Level level(cursor);
  return cursor.make(ExpressionKind::not_, {negation(cursor)});
}

const TemplateExpression* conjunction(Cursor& cursor) {
  std::vector<const TemplateExpression*> operands{negation(cursor)};
  while (cursor.take_word("and")) operands.push_back(negation(cursor));
  return operands.size() == 1 ? operands[0]
                              : cursor.make(ExpressionKind::and_, std::move(operands));
}

const TemplateExpression* condition_or(Cursor& cursor) {
  std::vector<const TemplateExpression*> operands{conjunction(cursor)};
  while (cursor.take_word("or")) operands.push_back(conjunction(cursor));
  return operands.size() == 1 ? operands[0] : cursor.make(ExpressionKind::or_, std::move(operands));
}

}  // namespace

const TemplateExpression* parse_expression(Cursor& cursor) {
  const Cursor::Level level(cursor);
  const TemplateExpression* value = condition_or(cursor);
  for (int length = 0; cursor.take_word("if"); ++length) {
    if (length > kMaxNesting) cursor.fail("more than 100 conditions in one expression");
    const TemplateExpression* condition = condition_or(cursor);
    const TemplateExpression* other = cursor.take_word("else") ? parse_expression(cursor) : nullptr;
    value = cursor.make(ExpressionKind::conditional, {value, condition, other});
  }
  return value;
}

const TemplateExpression* parse_iterable(Cursor& cursor) { return condition_or(cursor); }

}  // namespace galley::text::templates
