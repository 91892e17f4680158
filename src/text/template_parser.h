#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "template_ast.h"
#include "template_lexer.h"

namespace galley::text::templates {

/// Nesting of tags and of expressions past this is refused: parsing and rendering recurse.
inline constexpr int kMaxNesting = 100;

/// A template's lexemes and the place in them. After the first fault all that is left reads as the
/// end, so that no caller has to ask whether something failed before it goes on.
class Cursor {
 public:
  Cursor(std::vector<Lexeme> lexemes, Program& program)
      : lexemes_(std::move(lexemes)), program_(program) {}

  const Lexeme& now() const { return failure_ ? lexemes_.back() : lexemes_[at_]; }
  const Lexeme& next() const {
    return failure_ || at_ + 1 >= lexemes_.size() ? lexemes_.back() : lexemes_[at_ + 1];
  }
  int line() const { return now().line; }
  void advance() {
    if (at_ + 1 < lexemes_.size()) ++at_;
  }

  bool is(TokenKind kind) const { return now().kind == kind; }
  bool is_symbol(std::string_view text) const {
    return is(TokenKind::symbol) && now().text == text;
  }
  bool is_word(std::string_view text) const { return is(TokenKind::name) && now().text == text; }
  bool take_symbol(std::string_view text);
  bool take_word(std::string_view text);
  void expect_symbol(std::string_view text);
  void expect(TokenKind kind, std::string_view what);
  const std::string* expect_name(std::string_view what);

  void fail(std::string what);
  const std::optional<Error>& failure() const { return failure_; }

  TemplateExpression* make(ExpressionKind kind,
                           std::vector<const TemplateExpression*> children = {});
  Statement* make(StatementKind kind);
  Heap& constants() { return program_.constants; }
  Program& program() { return program_; }

  /// Counts a level of nesting for as long as it lives.
  class Level {
   public:
    explicit Level(Cursor& cursor);
    ~Level() { --cursor_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Cursor& cursor_;
  };

 private:
  std::vector<Lexeme> lexemes_;
  Program& program_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::optional<Error> failure_;
};

/// Reads one expression; never null, a literal after a fault.
const TemplateExpression* parse_expression(Cursor& cursor);
/// Without "x if y": what a for loop runs over, where "if" begins its condition.
const TemplateExpression* parse_iterable(Cursor& cursor);

/// Errors: invalid_argument, naming the line and what stands there.
Status parse_template(std::string_view source, Program& program);

}  // namespace galley::text::templates
