#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "template_ast.h"

namespace galley::text::templates {

/// One rendering of a template. Work is charged as it is done; after the first fault everything
/// becomes undefined and nothing is done any more, so that only the loops have to look.
class Runtime {
 public:
  Runtime(const Program& program, const Json& variables);
  Result<std::string> render();

  bool failed() const { return failure_.has_value(); }
  /// Keeps the first fault. Returns undefined.
  Value fail(std::string what, Errc code = Errc::invalid_argument);
  /// Counts work: about one step for 16 bytes copied or one value made. False when all is spent.
  bool charge(std::size_t steps);

  Value string(std::string_view text);
  Value list(List items);
  Value dict(Dict items, Kind kind = Kind::dict);
  Value from_json(const Json& json, int depth = 0);

  /// Python's str() and repr(), and json.dumps with Python's separators; indent < 0: one line.
  std::string text(const Value& value);
  std::string json(const Value& value, int indent);

  /// Argument `position` as what the callee needs; a fault where it is something else.
  std::string_view text_argument(const Arguments& arguments, std::size_t position,
                                 std::string_view name,
                                 std::optional<std::string_view> other = std::nullopt);
  std::int64_t integer_argument(const Arguments& arguments, std::size_t position,
                                std::string_view name, std::int64_t other);

  bool equal(const Value& a, const Value& b, int depth = 0);
  /// Negative, 0 or positive; a fault where the two have no order.
  int compare(const Value& a, const Value& b, int depth = 0);
  bool contains(const Value& container, const Value& item);
  /// What a for loop over the value runs through: items, keys or characters.
  const List* items_of(const Value& value);
  Value attribute(const Value& of, std::string_view name);
  Value subscript(const Value& of, const Value& index);
  Value slice(const Value& of, const Value& start, const Value& stop, const Value& step);
  Value binary(Operator operation, const Value& a, const Value& b);
  bool compare(Operator operation, const Value& a, const Value& b);
  /// A method of a string or of a mapping; a fault where it has no such method.
  Value method(const Value& of, std::string_view name, const Arguments& arguments);

 private:
  enum class Flow : std::uint8_t { on, break_, continue_ };
  using Scope = std::vector<std::pair<const std::string*, Value>>;

  Flow run(const std::vector<const Statement*>& statements);
  Flow run(const Statement& statement);
  Flow loop(const Statement& statement);
  void set(const Statement& statement);
  void assign(const Statement& statement, const Value& value);
  void bind(const std::string* name, const Value& value);
  void write(std::string_view text);
  std::string capture(const std::vector<const Statement*>& statements);

  Value evaluate(const TemplateExpression& expression);
  Value evaluate_kind(const TemplateExpression& expression);
  Value look_up(const std::string* name);
  Value call(const TemplateExpression& expression);
  Value call_function(Function function, const Arguments& arguments);
  Value call_macro(const Statement& macro, const Arguments& arguments);
  Value range(const Arguments& arguments);
  Value strftime(const Arguments& arguments);
  Arguments arguments(const TemplateExpression& expression);
  Value negate(const Value& value);
  Value compare_chain(const TemplateExpression& expression);

  void print(const Value& value, std::string& out, bool quote, int depth);
  void print_json(const Value& value, int indent, int depth, std::string& out);

  const Program& program_;
  Heap heap_;
  Dict variables_;
  std::vector<Scope> scopes_;
  std::size_t visible_from_ = 1;  // scopes below it, but the first, belong to callers of a macro
  std::string output_;
  std::string* sink_ = &output_;
  std::size_t steps_ = 0;
  int depth_ = 0;
  int line_ = 1;
  std::optional<Error> failure_;
};

}  // namespace galley::text::templates
