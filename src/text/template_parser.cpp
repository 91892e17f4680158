#include "template_parser.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/text.h"

namespace galley::text::templates {
namespace {

std::string spelt(const Lexeme& lexeme) {
  switch (lexeme.kind) {
    case TokenKind::end:
      return "the end of the template";
    case TokenKind::block_end:
      return "'%}'";
    case TokenKind::output_end:
      return "'}}'";
    case TokenKind::block_begin:
      return "'{%'";
    case TokenKind::output_begin:
      return "'{{'";
    default:
      return "'" + to_valid_utf8(lexeme.text.substr(0, 40)) + "'";
  }
}

using Body = std::vector<const Statement*>;

class Parser {
 public:
  explicit Parser(Cursor& cursor) : cursor_(cursor) {}

  /// Statements up to a tag that begins with one of `ends` (its word is the next lexeme), or to the
  /// end where there are none.
  Body body(std::span<const std::string_view> ends, int opened) {
    const Cursor::Level level(cursor_);
    Body statements;
    while (!cursor_.failure()) {
      switch (cursor_.now().kind) {
        case TokenKind::data:
          text(statements);
          break;
        case TokenKind::output_begin:
          output(statements);
          break;
        case TokenKind::block_begin:
          cursor_.advance();
          if (std::ranges::any_of(ends, [this](auto end) { return cursor_.is_word(end); }))
            return statements;
          tag(statements);
          break;
        default:
          if (!ends.empty())
            cursor_.fail("the block of line " + std::to_string(opened) + " is never closed by {% " +
                         std::string(ends.back()) + " %}");
          return statements;
      }
    }
    return statements;
  }

 private:
  void text(Body& statements) {
    Statement* made = cursor_.make(StatementKind::text);
    made->text = cursor_.constants().text(cursor_.now().text);
    cursor_.advance();
    statements.push_back(made);
  }

  void output(Body& statements) {
    cursor_.advance();
    Statement* made = cursor_.make(StatementKind::output);
    made->expression = parse_expression(cursor_);
    cursor_.expect(TokenKind::output_end, "'}}'");
    statements.push_back(made);
  }

  void end_tag() { cursor_.expect(TokenKind::block_end, "'%}'"); }

  Body body_until(std::string_view end, int opened) {
    Body statements = body(std::span(&end, 1), opened);
    cursor_.advance();
    return statements;
  }

  void tag(Body& statements) {
    const int line = cursor_.line();
    if (cursor_.take_word("if")) return statements.push_back(branch(line));
    if (cursor_.take_word("for")) return statements.push_back(loop(line));
    if (cursor_.take_word("set")) return statements.push_back(set(line));
    if (cursor_.take_word("macro")) return statements.push_back(macro(line));
    // Marks the answer's tokens for training; in serving its text is like any other.
    if (cursor_.take_word("generation")) {
      end_tag();
      Statement* made = cursor_.make(StatementKind::block);
      made->body = body_until("endgeneration", line);
      end_tag();
      return statements.push_back(made);
    }
    for (const auto& [word, kind] : {std::pair{"break", StatementKind::break_},
                                     std::pair{"continue", StatementKind::continue_}}) {
      if (!cursor_.take_word(word)) continue;
      if (loops_ == 0) cursor_.fail(std::string(word) + " outside of a loop");
      end_tag();
      return statements.push_back(cursor_.make(kind));
    }
    cursor_.fail("the tag " + spelt(cursor_.now()) + " is not one that chat templates use");
  }

  const Statement* branch(int line) {
    const Cursor::Level level(cursor_);
    constexpr std::array<std::string_view, 3> kEnds{"elif", "else", "endif"};
    Statement* made = cursor_.make(StatementKind::branch);
    made->expression = parse_expression(cursor_);
    end_tag();
    made->body = body(kEnds, line);
    if (cursor_.take_word("elif")) {
      made->other = {branch(line)};
      return made;
    }
    if (cursor_.take_word("else")) {
      end_tag();
      made->other = body(std::span(kEnds).last(1), line);
    }
    cursor_.take_word("endif");
    end_tag();
    return made;
  }

  void targets(Statement& made) {
    const bool parenthesis = cursor_.take_symbol("(");
    do {
      made.names.push_back(cursor_.expect_name("a variable"));
    } while (cursor_.take_symbol(",") && !cursor_.failure());
    if (parenthesis) cursor_.expect_symbol(")");
  }

  const Statement* loop(int line) {
    constexpr std::array<std::string_view, 2> kEnds{"else", "endfor"};
    Statement* made = cursor_.make(StatementKind::loop);
    targets(*made);
    if (!cursor_.take_word("in")) cursor_.fail("a for needs 'in'");
    made->expression = parse_iterable(cursor_);
    if (cursor_.take_word("if")) made->condition = parse_expression(cursor_);
    if (cursor_.is_word("recursive")) cursor_.fail("recursive loops are not supported");
    end_tag();
    ++loops_;
    made->body = body(kEnds, line);
    --loops_;
    if (cursor_.take_word("else")) {
      end_tag();
      made->other = body(std::span(kEnds).last(1), line);
    }
    cursor_.take_word("endfor");
    end_tag();
    return made;
  }

  const Statement* set(int line) {
    Statement* made = cursor_.make(StatementKind::set);
    targets(*made);
    if (made->names.size() == 1 && cursor_.take_symbol(".")) {
      made->target = made->names[0];
      made->names[0] = cursor_.expect_name("an attribute");
    }
    if (cursor_.take_symbol("=")) {
      made->expression = parse_expression(cursor_);
      if (cursor_.is_symbol(",")) made->expression = tuple(made->expression);
      end_tag();
      return made;
    }
    if (made->names.size() != 1) cursor_.fail("a set block has one variable");
    made->kind = StatementKind::set_block;
    end_tag();
    made->body = body_until("endset", line);
    end_tag();
    return made;
  }

  const TemplateExpression* tuple(const TemplateExpression* first) {
    std::vector<const TemplateExpression*> items{first};
    while (cursor_.take_symbol(",") && !cursor_.is(TokenKind::block_end))
      items.push_back(parse_expression(cursor_));
    return cursor_.make(ExpressionKind::list, std::move(items));
  }

  const Statement* macro(int line) {
    Statement* made = cursor_.make(StatementKind::macro);
    made->names.push_back(cursor_.expect_name("a macro's name"));
    cursor_.expect_symbol("(");
    while (!cursor_.is_symbol(")") && !cursor_.failure()) {
      made->names.push_back(cursor_.expect_name("a parameter"));
      made->defaults.push_back(cursor_.take_symbol("=") ? parse_expression(cursor_) : nullptr);
      if (!cursor_.take_symbol(",")) break;
    }
    cursor_.expect_symbol(")");
    end_tag();
    const int outer = std::exchange(loops_, 0);
    made->body = body_until("endmacro", line);
    loops_ = outer;
    if (cursor_.is(TokenKind::name)) cursor_.advance();  // {% endmacro name %}
    end_tag();
    return made;
  }

  Cursor& cursor_;
  int loops_ = 0;
};

}  // namespace

const Value* Arguments::get(std::size_t position, std::string_view name) const {
  if (position < positional.size()) return &positional[position];
  for (const auto& [key, value] : named)
    if (*key == name) return &value;
  return nullptr;
}

bool Cursor::take_symbol(std::string_view text) {
  if (!is_symbol(text)) return false;
  advance();
  return true;
}

bool Cursor::take_word(std::string_view text) {
  if (!is_word(text)) return false;
  advance();
  return true;
}

void Cursor::expect_symbol(std::string_view text) {
  if (!take_symbol(text)) fail("'" + std::string(text) + "' is missing");
}

void Cursor::expect(TokenKind kind, std::string_view what) {
  if (!is(kind)) return fail(std::string(what) + " is missing");
  advance();
}

const std::string* Cursor::expect_name(std::string_view what) {
  const std::string* name = program_.intern(now().text);
  expect(TokenKind::name, what);
  return name;
}

void Cursor::fail(std::string what) {
  if (!failure_)
    failure_ = Error{Errc::invalid_argument, "chat template, line " + std::to_string(line()) +
                                                 ": " + std::move(what) + " at " + spelt(now())};
}

TemplateExpression* Cursor::make(ExpressionKind kind,
                                 std::vector<const TemplateExpression*> children) {
  TemplateExpression& made = program_.expressions.emplace_back();
  made.kind = kind;
  made.line = line();
  made.children = std::move(children);
  return &made;
}

Statement* Cursor::make(StatementKind kind) {
  Statement& made = program_.statements.emplace_back();
  made.kind = kind;
  made.line = line();
  return &made;
}

Cursor::Level::Level(Cursor& cursor) : cursor_(cursor) {
  if (++cursor_.depth_ > kMaxNesting * 3)
    cursor_.fail("nested deeper than " + std::to_string(kMaxNesting) + " levels");
}

Status parse_template(std::string_view source, Program& program) {
  GALLEY_TRY(auto lexemes, lex_template(source));
  Cursor cursor(std::move(lexemes), program);
  program.body = Parser(cursor).body({}, 0);
  if (!cursor.failure() && !cursor.is(TokenKind::end)) cursor.fail("something is left over");
  if (cursor.failure()) return *cursor.failure();
  return ok();
}

}  // namespace galley::text::templates
