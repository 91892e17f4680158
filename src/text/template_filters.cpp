#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "template_runtime.h"
#include "template_strings.h"

namespace galley::text::templates {
namespace {

Value trim(Runtime& run, const Value& input, const Arguments& given) {
  const std::string text = run.text(input);
  if (given.get(0, "chars") == nullptr) return run.string(strip(text, Side::both));
  return run.string(strip(text, Side::both, run.text_argument(given, 0, "chars")));
}

Value length(Runtime& run, const Value& input, const Arguments&) {
  const auto count = [](std::size_t n) { return Value::of(static_cast<std::int64_t>(n)); };
  switch (input.kind) {
    case Kind::undefined:
      return count(0);
    case Kind::string:
      run.charge(input.string->size() / 16);
      return count(character_count(*input.string));
    case Kind::list:
      return count(input.list->size());
    case Kind::dict:
      return count(input.dict->size());
    default:
      return run.fail(std::string(type_name(input)) + " has no length");
  }
}

Value to_json(Runtime& run, const Value& input, const Arguments& given) {
  const Value* indent = given.get(0, "indent");
  std::int64_t width = -1;
  if (indent != nullptr && !indent->is(Kind::none))
    width = std::clamp<std::int64_t>(run.integer_argument(given, 0, "indent", 0), 0, 16);
  return run.string(run.json(input, static_cast<int>(width)));
}

/// Dotted, with integers as positions: "function.name".
Value attribute_path(Runtime& run, Value of, std::string_view path) {
  while (!path.empty() && !run.failed()) {
    const std::size_t end = std::min(path.find('.'), path.size());
    const std::string_view name = path.substr(0, end);
    std::int64_t index = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), index);
    const bool counted = parsed.ptr == name.data() + name.size() && parsed.ec == std::errc();
    of = counted ? run.subscript(of, Value::of(index)) : run.attribute(of, name);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return of;
}

Value join(Runtime& run, const Value& input, const Arguments& given) {
  const std::string separator(run.text_argument(given, 0, "d", ""));
  const std::string_view attribute = run.text_argument(given, 1, "attribute", "");
  std::string out;
  bool first = true;
  for (const Value& item : *run.items_of(input)) {
    if (run.failed()) break;
    if (!std::exchange(first, false)) out += separator;
    out += run.text(attribute_path(run, item, attribute));
    run.charge(separator.size() / 16);
  }
  return run.string(out);
}

template <std::string (*change)(std::string_view)>
Value changed(Runtime& run, const Value& input, const Arguments&) {
  return run.string(change(run.text(input)));
}

Value default_value(Runtime& run, const Value& input, const Arguments& given) {
  const Value* also_false = given.get(1, "boolean");
  const bool missing = input.is(Kind::undefined) ||
                       (also_false != nullptr && is_true(*also_false) && !is_true(input));
  if (!missing) return input;
  const Value* other = given.get(0, "default_value");
  return other != nullptr ? *other : run.string("");
}

Arguments rest(const Arguments& given, std::size_t from) {
  Arguments left;
  left.named = given.named;
  for (std::size_t i = from; i < given.positional.size(); ++i)
    left.positional.push_back(given.positional[i]);
  return left;
}

Value map(Runtime& run, const Value& input, const Arguments& given) {
  List mapped;
  if (const Value* attribute = given.get(given.positional.size(), "attribute")) {
    const Value* other = given.get(given.positional.size(), "default");
    const std::string path = run.text(*attribute);
    for (const Value& item : *run.items_of(input)) {
      const Value found = attribute_path(run, item, path);
      mapped.push_back(found.is(Kind::undefined) && other != nullptr ? *other : found);
      if (run.failed()) break;
    }
    return run.list(std::move(mapped));
  }
  const std::string_view name = run.text_argument(given, 0, "filter");
  const Filter filter = find_filter(name);
  if (filter == nullptr) return run.fail("there is no filter '" + std::string(name) + "' here");
  const Arguments left = rest(given, 1);
  for (const Value& item : *run.items_of(input)) {
    mapped.push_back(filter(run, item, left));
    if (run.failed()) break;
  }
  return run.list(std::move(mapped));
}

struct Choice {
  bool by_attribute;
  bool keeps;
};

template <Choice choice>
Value choose(Runtime& run, const Value& input, const Arguments& given) {
  constexpr std::size_t kTest = choice.by_attribute ? 1 : 0;
  const std::string_view path = choice.by_attribute ? run.text_argument(given, 0, "attribute") : "";
  Test test = nullptr;
  if (given.positional.size() > kTest) {
    const std::string_view name = run.text_argument(given, kTest, "test");
    test = find_test(name);
    if (test == nullptr) return run.fail("there is no test '" + std::string(name) + "' here");
  }
  const Arguments left = rest(given, kTest + 1);
  List chosen;
  for (const Value& item : *run.items_of(input)) {
    const Value tested = attribute_path(run, item, path);
    if ((test != nullptr ? test(run, tested, left) : is_true(tested)) == choice.keeps)
      chosen.push_back(item);
    if (run.failed()) break;
  }
  return run.list(std::move(chosen));
}

Value first(Runtime& run, const Value& input, const Arguments&) {
  const List& items = *run.items_of(input);
  return items.empty() ? Value() : items.front();
}

Value last(Runtime& run, const Value& input, const Arguments&) {
  const List& items = *run.items_of(input);
  return items.empty() ? Value() : items.back();
}

Value replaced(Runtime& run, const Value& input, const Arguments& given) {
  return run.method(run.string(run.text(input)), "replace", given);
}

Value items(Runtime& run, const Value& input, const Arguments& given) {
  if (input.is(Kind::undefined)) return run.list({});
  if (!input.is(Kind::dict)) return run.fail("items needs a mapping");
  return run.method(input, "items", given);
}

Value to_list(Runtime& run, const Value& input, const Arguments&) {
  return Value::of(run.items_of(input));
}

Value to_string(Runtime& run, const Value& input, const Arguments&) {
  return input.is(Kind::string) ? input : run.string(run.text(input));
}

double read_real(Runtime& run, const Value& input) {
  if (input.is_number()) return input.as_real();
  const std::string text(strip(run.text(input), Side::both));
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole && !text.empty() ? value : std::nan("");
}

Value to_integer(Runtime& run, const Value& input, const Arguments& given) {
  if (input.is(Kind::integer)) return input;
  const double value = read_real(run, input);
  if (std::abs(value) < 9e18) return Value::of(static_cast<std::int64_t>(value));
  return Value::of(run.integer_argument(given, 0, "default", 0));
}

Value to_real(Runtime& run, const Value& input, const Arguments& given) {
  const double value = read_real(run, input);
  const Value* other = given.get(0, "default");
  if (!std::isnan(value)) return Value::of(value);
  return other != nullptr ? *other : Value::of(0.0);
}

Value absolute(Runtime& run, const Value& input, const Arguments&) {
  if (input.is(Kind::real)) return Value::of(std::abs(input.real));
  if (!input.is_number()) return run.fail("abs needs a number");
  return input.as_integer() < 0 ? run.binary(Operator::subtract, Value::of(std::int64_t{0}), input)
                                : Value::of(input.as_integer());
}

Value reverse(Runtime& run, const Value& input, const Arguments&) {
  const Value backwards = Value::of(std::int64_t{-1});
  return run.slice(input, Value(), Value(), backwards);
}

Value indent(Runtime& run, const Value& input, const Arguments& given) {
  const auto width = std::clamp<std::int64_t>(run.integer_argument(given, 0, "width", 4), 0, 256);
  const Value* first_too = given.get(1, "first");
  const Value* blank_too = given.get(2, "blank");
  const std::string margin(static_cast<std::size_t>(width), ' ');
  const std::string text = run.text(input) + "\n";
  std::string out;
  bool first_line = true;
  for (const auto line : split_lines(text)) {
    const bool is_first = std::exchange(first_line, false);
    if (!is_first) out.push_back('\n');
    const bool wanted = is_first ? first_too != nullptr && is_true(*first_too)
                                 : !line.empty() || (blank_too != nullptr && is_true(*blank_too));
    if (wanted) out += margin;
    out += line;
    if (!run.charge(1 + margin.size() / 16)) break;
  }
  return run.string(out);
}

Value unchanged(Runtime&, const Value& input, const Arguments&) { return input; }

struct NamedFilter {
  std::string_view name;
  Filter filter;
};

constexpr std::array kFilters{
    NamedFilter{"abs", absolute},
    NamedFilter{"capitalize", changed<capitalize>},
    NamedFilter{"count", length},
    NamedFilter{"d", default_value},
    NamedFilter{"default", default_value},
    NamedFilter{"first", first},
    NamedFilter{"float", to_real},
    NamedFilter{"indent", indent},
    NamedFilter{"int", to_integer},
    NamedFilter{"items", items},
    NamedFilter{"join", join},
    NamedFilter{"last", last},
    NamedFilter{"length", length},
    NamedFilter{"list", to_list},
    NamedFilter{"lower", changed<lower>},
    NamedFilter{"map", map},
    NamedFilter{"reject", choose<Choice{false, false}>},
    NamedFilter{"rejectattr", choose<Choice{true, false}>},
    NamedFilter{"replace", replaced},
    NamedFilter{"reverse", reverse},
    NamedFilter{"safe", unchanged},
    NamedFilter{"select", choose<Choice{false, true}>},
    NamedFilter{"selectattr", choose<Choice{true, true}>},
    NamedFilter{"string", to_string},
    NamedFilter{"title", changed<title_items>},
    NamedFilter{"tojson", to_json},
    NamedFilter{"trim", trim},
    NamedFilter{"upper", changed<upper>},
};

}  // namespace

Filter find_filter(std::string_view name) {
  const auto found = std::ranges::find(kFilters, name, &NamedFilter::name);
  return found == kFilters.end() ? nullptr : found->filter;
}

}  // namespace galley::text::templates
