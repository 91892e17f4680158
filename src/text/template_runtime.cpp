#include "template_runtime.h"

#include <algorithm>
#include <utility>

#include "template_parser.h"
#include "text/chat_template.h"

namespace galley::text::templates {
namespace {

/// Recursion of the renderer over statements, expressions and macros together; some 300 bytes of
/// stack each.
constexpr int kMaxDepth = 600;

}  // namespace

Runtime::Runtime(const Program& program, const Json& variables) : program_(program) {
  scopes_.emplace_back();
  if (!variables.is_object()) {
    fail("the variables of a chat template are not an object");
    return;
  }
  const Value all = from_json(variables);
  if (!failed()) variables_ = *all.dict;
}

Result<std::string> Runtime::render() {
  run(program_.body);
  if (failure_) return *failure_;
  return std::move(output_);
}

Value Runtime::fail(std::string what, Errc code) {
  if (!failure_)
    failure_ = Error{code, "chat template, line " + std::to_string(line_) + ": " + std::move(what)};
  return {};
}

bool Runtime::charge(std::size_t steps) {
  steps_ += std::min(steps, ChatTemplate::kMaxSteps + 1);
  if (steps_ <= ChatTemplate::kMaxSteps) return !failed();
  fail("it takes more than " + std::to_string(ChatTemplate::kMaxSteps) + " steps", Errc::too_large);
  return false;
}

Value Runtime::string(std::string_view text) {
  if (!charge(2 + text.size() / 16)) return {};
  if (text.size() > ChatTemplate::kMaxOutputBytes)
    return fail("a string of " + std::to_string(text.size()) + " bytes", Errc::too_large);
  return Value::of(heap_.text(text));
}

Value Runtime::list(List items) {
  // Also after a fault: what loops over the answer needs a list.
  charge(2 + items.size());
  return heap_.list(std::move(items));
}

Value Runtime::dict(Dict items, Kind kind) {
  charge(2 + items.size());
  return heap_.dict(std::move(items), kind);
}

Value Runtime::from_json(const Json& json, int depth) {
  if (depth > kMaxNesting) return fail("the variables are nested too deeply");
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::of(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::of(json.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > INT64_MAX) return Value::of(json.get<double>());
      return Value::of(json.get<std::int64_t>());
    case Json::value_t::number_float:
      return Value::of(json.get<double>());
    case Json::value_t::string:
      return Value::of(heap_.text(json.get_ref<const std::string&>()));
    case Json::value_t::array: {
      List items;
      items.reserve(json.size());
      for (const auto& item : json) items.push_back(from_json(item, depth + 1));
      return heap_.list(std::move(items));
    }
    case Json::value_t::object: {
      Dict items;
      items.reserve(json.size());
      for (const auto& [key, value] : json.items())
        items.emplace_back(heap_.text(key), from_json(value, depth + 1));
      return heap_.dict(std::move(items));
    }
    default:
      return Value::none();
  }
}

void Runtime::write(std::string_view text) {
  if (failed()) return;
  if (sink_->size() + text.size() > ChatTemplate::kMaxOutputBytes) {
    fail("it writes more than " + std::to_string(ChatTemplate::kMaxOutputBytes) + " bytes",
         Errc::too_large);
    return;
  }
  charge(text.size() / 16);
  *sink_ += text;
}

std::string Runtime::capture(const std::vector<const Statement*>& statements) {
  std::string captured;
  std::string* outer = std::exchange(sink_, &captured);
  run(statements);
  sink_ = outer;
  return captured;
}

Runtime::Flow Runtime::run(const std::vector<const Statement*>& statements) {
  for (const Statement* statement : statements) {
    const Flow flow = run(*statement);
    if (flow != Flow::on) return flow;
    if (failed()) break;
  }
  return Flow::on;
}

Runtime::Flow Runtime::run(const Statement& statement) {
  line_ = statement.line;
  if (!charge(1)) return Flow::on;
  if (depth_ >= kMaxDepth) return fail("it recurses too deeply"), Flow::on;
  ++depth_;
  Flow flow = Flow::on;
  switch (statement.kind) {
    case StatementKind::text:
      write(*statement.text);
      break;
    case StatementKind::output: {
      const Value value = evaluate(*statement.expression);
      if (value.is(Kind::string))
        write(*value.string);
      else
        write(text(value));
      break;
    }
    case StatementKind::branch:
      flow = run(is_true(evaluate(*statement.expression)) ? statement.body : statement.other);
      break;
    case StatementKind::loop:
      flow = loop(statement);
      break;
    case StatementKind::set:
    case StatementKind::set_block:
      set(statement);
      break;
    case StatementKind::macro:
      bind(statement.names[0], Value::of(&statement));
      break;
    case StatementKind::break_:
      flow = Flow::break_;
      break;
    case StatementKind::continue_:
      flow = Flow::continue_;
      break;
    case StatementKind::block:
      flow = run(statement.body);
      break;
  }
  --depth_;
  return flow;
}

void Runtime::bind(const std::string* name, const Value& value) {
  Scope& scope = scopes_.back();
  charge(1 + scope.size() / 16);
  for (auto& [held, old] : scope)
    if (held == name) {
      old = value;
      return;
    }
  scope.emplace_back(name, value);
}

void Runtime::assign(const Statement& statement, const Value& value) {
  if (statement.names.size() == 1) return bind(statement.names[0], value);
  const List* items = items_of(value);
  if (items->size() != statement.names.size()) {
    fail("cannot unpack " + std::to_string(items->size()) + " values into " +
         std::to_string(statement.names.size()) + " variables");
    return;
  }
  for (std::size_t i = 0; i < items->size(); ++i) bind(statement.names[i], (*items)[i]);
}

void Runtime::set(const Statement& statement) {
  const Value value = statement.kind == StatementKind::set_block ? string(capture(statement.body))
                                                                 : evaluate(*statement.expression);
  if (failed()) return;
  if (statement.target == nullptr) return assign(statement, value);
  const Value space = look_up(statement.target);
  if (!space.is(Kind::space))
    return (void)fail("'" + *statement.target +
                      "' is not a namespace, so nothing can be set in it");
  charge(1 + space.dict->size() / 16);
  for (auto& [name, held] : *space.dict)
    if (*name == *statement.names[0]) {
      held = value;
      return;
    }
  space.dict->emplace_back(statement.names[0], value);
}

Runtime::Flow Runtime::loop(const Statement& statement) {
  const List* items = items_of(evaluate(*statement.expression));
  if (failed()) return Flow::on;
  scopes_.emplace_back();
  if (statement.condition != nullptr) {
    List chosen;
    for (const Value& item : *items) {
      scopes_.back().clear();
      assign(statement, item);
      if (is_true(evaluate(*statement.condition))) chosen.push_back(item);
      if (failed()) break;
    }
    items = list(std::move(chosen)).list;
  }
  const Value state = heap_.loop({items, 0});
  const std::string* loop_name = program_.loop_name;
  for (std::size_t i = 0; i < items->size() && !failed(); ++i) {
    state.loop->index = i;
    scopes_.back().clear();
    bind(loop_name, state);
    assign(statement, (*items)[i]);
    if (run(statement.body) == Flow::break_) break;
  }
  scopes_.pop_back();
  if (items->empty() && !failed()) return run(statement.other);
  return Flow::on;
}

Value Runtime::look_up(const std::string* name) {
  const auto in = [&](const Scope& scope) -> const Value* {
    charge(scope.size() / 16);
    for (const auto& [held, value] : scope)
      if (held == name) return &value;
    return nullptr;
  };
  for (std::size_t i = scopes_.size(); i-- > visible_from_;)
    if (const Value* value = in(scopes_[i])) return *value;
  if (const Value* value = in(scopes_[0])) return *value;
  charge(variables_.size() / 16);
  if (const Value* value = find(variables_, *name)) return *value;
  if (*name == "range") return Value::of(Function::range);
  if (*name == "namespace") return Value::of(Function::make_namespace);
  if (*name == "dict") return Value::of(Function::make_dict);
  if (*name == "raise_exception") return Value::of(Function::raise_exception);
  // Without the time, the template takes the way that it has for renderers that know none.
  if (*name == "strftime_now" && find(variables_, "now") != nullptr)
    return Value::of(Function::strftime);
  return Value::undefined(name);
}

Value Runtime::evaluate(const TemplateExpression& expression) {
  if (failed() || !charge(1)) return {};
  if (depth_ >= kMaxDepth) return fail("it recurses too deeply");
  ++depth_;
  line_ = expression.line;
  const Value value = evaluate_kind(expression);
  --depth_;
  return failed() ? Value() : value;
}

Value Runtime::evaluate_kind(const TemplateExpression& expression) {
  const auto child = [&](std::size_t i) {
    const TemplateExpression* operand = expression.children[i];
    return operand == nullptr ? Value() : evaluate(*operand);
  };
  switch (expression.kind) {
    case ExpressionKind::literal:
      return expression.value;
    case ExpressionKind::name:
      return look_up(expression.name);
    case ExpressionKind::list: {
      List items;
      for (const TemplateExpression* item : expression.children) items.push_back(evaluate(*item));
      return list(std::move(items));
    }
    case ExpressionKind::dict: {
      Dict items;
      for (std::size_t i = 0; i + 1 < expression.children.size(); i += 2) {
        const Value key = child(i);
        if (!key.is(Kind::string)) return fail("a mapping's keys must be strings");
        items.emplace_back(key.string, child(i + 1));
      }
      return dict(std::move(items));
    }
    case ExpressionKind::attribute:
      return attribute(child(0), *expression.name);
    case ExpressionKind::subscript: {
      const Value of = child(0);
      return subscript(of, child(1));
    }
    case ExpressionKind::slice: {
      const Value of = child(0);
      const Value start = child(1);
      const Value stop = child(2);
      return slice(of, start, stop, child(3));
    }
    case ExpressionKind::call:
      return call(expression);
    case ExpressionKind::filter: {
      const Value input = child(0);
      const Arguments given = arguments(expression);
      return failed() ? Value() : expression.filter(*this, input, given);
    }
    case ExpressionKind::test: {
      const Value input = child(0);
      const Arguments given = arguments(expression);
      return failed() ? Value() : Value::of(expression.test(*this, input, given));
    }
    case ExpressionKind::negate:
      return negate(child(0));
    case ExpressionKind::not_:
      return Value::of(!is_true(child(0)));
    case ExpressionKind::binary: {
      const Value left = child(0);
      const Value right = child(1);
      return failed() ? Value() : binary(expression.operators[0], left, right);
    }
    case ExpressionKind::and_:
    case ExpressionKind::or_: {
      const bool stop_at = expression.kind == ExpressionKind::or_;
      Value value;
      for (std::size_t i = 0; i < expression.children.size(); ++i) {
        value = child(i);
        if (is_true(value) == stop_at) break;
      }
      return value;
    }
    case ExpressionKind::compare:
      return compare_chain(expression);
    case ExpressionKind::conditional:
      return is_true(child(1)) ? child(0) : child(2);
  }
  return {};
}

Value Runtime::negate(const Value& value) {
  if (value.is(Kind::real)) return Value::of(-value.real);
  if (!value.is_number()) return fail("cannot negate " + std::string(type_name(value)));
  return binary(Operator::subtract, Value::of(std::int64_t{0}), value);
}

Value Runtime::compare_chain(const TemplateExpression& expression) {
  Value left = evaluate(*expression.children[0]);
  for (std::size_t i = 0; i < expression.operators.size(); ++i) {
    const Value right = evaluate(*expression.children[i + 1]);
    if (failed() || !compare(expression.operators[i], left, right)) return Value::of(false);
    left = right;
  }
  return Value::of(true);
}

}  // namespace galley::text::templates
