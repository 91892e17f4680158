#include <ctime>
#include <utility>

#include "template_runtime.h"

namespace galley::text::templates {
namespace {

/// As Jinja2's sandbox.
constexpr std::int64_t kMaxRange = 100'000;

}  // namespace

Arguments Runtime::arguments(const TemplateExpression& expression) {
  Arguments given;
  for (const TemplateExpression* argument : expression.positional)
    given.positional.push_back(evaluate(*argument));
  for (const auto& [name, argument] : expression.named)
    given.named.emplace_back(name, evaluate(*argument));
  return given;
}

Value Runtime::call(const TemplateExpression& expression) {
  const TemplateExpression& callee = *expression.children[0];
  if (callee.kind == ExpressionKind::attribute) {
    const Value of = evaluate(*callee.children[0]);
    const Arguments given = arguments(expression);
    line_ = expression.line;
    const bool has_fields = of.is(Kind::space) || of.is(Kind::dict);
    const Value* held = has_fields && !failed() ? find(*of.dict, *callee.name) : nullptr;
    if (held != nullptr && held->is(Kind::macro)) return call_macro(*held->macro, given);
    return failed() ? Value() : method(of, *callee.name, given);
  }
  const Value function = evaluate(callee);
  const Arguments given = arguments(expression);
  line_ = expression.line;
  if (failed()) return {};
  if (function.is(Kind::function)) return call_function(function.function, given);
  if (function.is(Kind::macro)) return call_macro(*function.macro, given);
  if (function.is(Kind::undefined) && function.string != nullptr)
    return fail("there is no function '" + *function.string + "'");
  return fail(std::string(type_name(function)) + " cannot be called");
}

Value Runtime::call_macro(const Statement& macro, const Arguments& given) {
  const std::size_t count = macro.names.size() - 1;
  if (given.positional.size() > count)
    return fail("the macro '" + *macro.names[0] + "' takes " + std::to_string(count) +
                " arguments");
  scopes_.emplace_back();
  const std::size_t outer = std::exchange(visible_from_, scopes_.size() - 1);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string* name = macro.names[i + 1];
    if (const Value* value = given.get(i, *name))
      bind(name, *value);
    else
      bind(name,
           macro.defaults[i] == nullptr ? Value::undefined(name) : evaluate(*macro.defaults[i]));
  }
  const Value text = string(capture(macro.body));
  visible_from_ = outer;
  scopes_.pop_back();
  return text;
}

Value Runtime::call_function(Function function, const Arguments& given) {
  switch (function) {
    case Function::range:
      return range(given);
    case Function::make_namespace:
    case Function::make_dict: {
      Dict items;
      if (!given.positional.empty() && given.positional[0].is(Kind::dict))
        items = *given.positional[0].dict;
      items.insert(items.end(), given.named.begin(), given.named.end());
      return dict(std::move(items), function == Function::make_dict ? Kind::dict : Kind::space);
    }
    case Function::raise_exception: {
      const std::string words = given.positional.empty() ? "" : text(given.positional[0]);
      if (!failure_)
        failure_ = Error{Errc::invalid_argument, "the chat template refuses: " + words};
      return {};
    }
    case Function::strftime:
      return strftime(given);
  }
  return {};
}

Value Runtime::range(const Arguments& given) {
  std::int64_t start = 0;
  std::int64_t stop = integer_argument(given, 0, "stop", 0);
  if (given.positional.size() > 1) start = std::exchange(stop, integer_argument(given, 1, "", 0));
  const std::int64_t step = integer_argument(given, 2, "", 1);
  if (step == 0) return fail("a range cannot go in steps of 0");
  List items;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<std::int64_t>(items.size()) == kMaxRange)
      return fail("a range of more than " + std::to_string(kMaxRange) + " numbers",
                  Errc::too_large);
    items.push_back(Value::of(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return list(std::move(items));
}

Value Runtime::strftime(const Arguments& given) {
  const std::string format(text_argument(given, 0, "format"));
  const Value* now = find(variables_, "now");
  if (failed() || format.empty()) return string("");
  if (!now->is(Kind::integer)) return fail("'now' must be an integer, seconds since 1970");
  const std::time_t seconds = now->integer;
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return fail("'now' is not a time");
  char buffer[256];
  return string({buffer, std::strftime(buffer, sizeof buffer, format.c_str(), &parts)});
}

}  // namespace galley::text::templates
