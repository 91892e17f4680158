#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "template_value.h"

namespace galley::text::templates {

class Runtime;

/// What a filter or a call was given.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<const std::string*, Value>> named;

  /// By position or name; null where it was left out.
  const Value* get(std::size_t position, std::string_view name) const;
};

using Filter = Value (*)(Runtime&, const Value& input, const Arguments& arguments);
using Test = bool (*)(Runtime&, const Value& input, const Arguments& arguments);

/// Null for names that Jinja2 has and chat templates do not use.
Filter find_filter(std::string_view name);
Test find_test(std::string_view name);

enum class ExpressionKind : std::uint8_t {
  literal,
  name,
  list,         // also (a, b)
  dict,         // children: key, value, key, value, ...
  attribute,    // children[0].name
  subscript,    // children[0][children[1]]
  slice,        // children[0][children[1] : children[2] : children[3]], null where left out
  call,         // children[0](...)
  filter,       // children[0] | filter(...)
  test,         // children[0] is test(...)
  negate,       // -x
  not_,         // not x
  binary,       // children[0] op children[1]
  and_,         //
  or_,          //
  compare,      // children[0] operators[0] children[1] operators[1] ...
  conditional,  // children[0] if children[1] else children[2], null where left out
};

enum class Operator : std::uint8_t {
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  power,
  concatenate,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in
};

struct TemplateExpression {
  ExpressionKind kind = ExpressionKind::literal;
  int line = 1;
  Value value{};                      // literal
  const std::string* name = nullptr;  // name, attribute; filter and test for messages
  std::vector<const TemplateExpression*> children{};  // operands
  std::vector<Operator> operators{};                  // binary, compare
  std::vector<const TemplateExpression*> positional{};
  std::vector<std::pair<const std::string*, const TemplateExpression*>> named{};
  Filter filter = nullptr;
  Test test = nullptr;
};

enum class StatementKind : std::uint8_t {
  text,
  output,     // expression
  branch,     // if expression: body, else: other
  loop,       // for names in expression if condition: body, else: other
  set,        // names = expression, or target.names[0] = expression
  set_block,  // names[0] = what body writes
  macro,      // names[0](names[1], ...): body; defaults of the last parameters
  break_,
  continue_,
  block,  // body
};

struct Statement {
  StatementKind kind = StatementKind::text;
  int line = 1;
  const std::string* text = nullptr;    // text
  const std::string* target = nullptr;  // of "set ns.x = ..."
  const TemplateExpression* expression = nullptr;
  const TemplateExpression* condition = nullptr;
  std::vector<const std::string*> names{};
  std::vector<const TemplateExpression*>
      defaults{};  // one for each parameter of a macro, null: none
  std::vector<const Statement*> body{};
  std::vector<const Statement*> other{};
};

/// A parsed template; owns all its parts.
struct Program {
  /// One address for each name, so that scopes compare pointers.
  const std::string* intern(std::string_view name) { return &*names.emplace(name).first; }

  std::vector<const Statement*> body;
  std::set<std::string, std::less<>> names;
  const std::string* loop_name = intern("loop");
  std::deque<TemplateExpression> expressions;
  std::deque<Statement> statements;
  Heap constants;
};

}  // namespace galley::text::templates
