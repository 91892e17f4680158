#include <algorithm>
#include <cmath>

#include "template_parser.h"
#include "template_runtime.h"
#include "template_strings.h"

namespace galley::text::templates {
namespace {

/// Names the variable where the operand does not exist: the usual fault in a template.
std::string operand(const Value& value) {
  if (value.is(Kind::undefined) && value.string != nullptr)
    return "'" + *value.string + "' (undefined)";
  return std::string(type_name(value));
}

/// Python's slice bounds over `size` items: where to start, how many, in which steps.
struct Cut {
  std::int64_t start = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
};

std::int64_t clamp_bound(std::int64_t bound, std::int64_t size, std::int64_t low,
                         std::int64_t high) {
  if (bound < 0) bound = bound < -size ? low : bound + size;
  return std::clamp(bound, low, high);
}

Cut cut(std::optional<std::int64_t> start, std::optional<std::int64_t> stop, std::int64_t step,
        std::int64_t size) {
  if (step > 0) {
    const auto from = clamp_bound(start.value_or(0), size, 0, size);
    const auto to = clamp_bound(stop.value_or(size), size, 0, size);
    return {from, to > from ? (to - from - 1) / step + 1 : 0, step};
  }
  const auto from = start ? clamp_bound(*start, size, -1, size - 1) : size - 1;
  const auto to = stop ? clamp_bound(*stop, size, -1, size - 1) : -1;
  return {from, from > to ? (from - to - 1) / -step + 1 : 0, step};
}

}  // namespace

bool Runtime::equal(const Value& a, const Value& b, int depth) {
  if (failed() || !charge(1)) return false;
  if (depth > kMaxNesting) return fail("values are nested too deeply to be compared"), false;
  if (a.is_number() && b.is_number())
    return a.is(Kind::real) || b.is(Kind::real) ? a.as_real() == b.as_real()
                                                : a.as_integer() == b.as_integer();
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::undefined:
    case Kind::none:
      return true;
    case Kind::string:
      return charge(a.string->size() / 64) && *a.string == *b.string;
    case Kind::list:
      if (a.list->size() != b.list->size()) return false;
      for (std::size_t i = 0; i < a.list->size(); ++i)
        if (!equal((*a.list)[i], (*b.list)[i], depth + 1)) return false;
      return true;
    case Kind::dict:
      if (a.dict->size() != b.dict->size()) return false;
      for (const auto& [key, value] : *a.dict) {
        const Value* other = find(*b.dict, *key);
        if (!charge(b.dict->size()) || other == nullptr || !equal(value, *other, depth + 1))
          return false;
      }
      return true;
    case Kind::function:
      return a.function == b.function;
    case Kind::macro:
      return a.macro == b.macro;
    case Kind::loop:
      return a.loop == b.loop;
    default:
      return a.dict == b.dict;
  }
}

int Runtime::compare(const Value& a, const Value& b, int depth) {
  if (failed() || !charge(1)) return 0;
  if (depth > kMaxNesting) return fail("values are nested too deeply to be compared"), 0;
  const auto order = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  if (a.is_number() && b.is_number())
    return a.is(Kind::real) || b.is(Kind::real) ? order(a.as_real(), b.as_real())
                                                : order(a.as_integer(), b.as_integer());
  if (a.is(Kind::string) && b.is(Kind::string)) {
    charge(std::min(a.string->size(), b.string->size()) / 64);
    return order(*a.string, *b.string);
  }
  if (a.is(Kind::list) && b.is(Kind::list)) {
    for (std::size_t i = 0; i < std::min(a.list->size(), b.list->size()); ++i)
      if (!equal((*a.list)[i], (*b.list)[i], depth + 1))
        return compare((*a.list)[i], (*b.list)[i], depth + 1);
    return order(a.list->size(), b.list->size());
  }
  fail("cannot order " + operand(a) + " and " + operand(b));
  return 0;
}

bool Runtime::contains(const Value& container, const Value& item) {
  switch (container.kind) {
    case Kind::undefined:
      return false;
    case Kind::string:
      if (!item.is(Kind::string))
        return fail("cannot look for " + operand(item) + " in a string"), false;
      return charge(container.string->size() / 16) &&
             container.string->find(*item.string) != std::string::npos;
    case Kind::list:
      return std::ranges::any_of(*container.list,
                                 [&](const Value& held) { return equal(held, item); });
    case Kind::dict:
      return charge(container.dict->size()) && item.is(Kind::string) &&
             find(*container.dict, *item.string) != nullptr;
    default:
      fail("cannot look for something in " + operand(container));
      return false;
  }
}

bool Runtime::compare(Operator operation, const Value& a, const Value& b) {
  switch (operation) {
    case Operator::equal:
      return equal(a, b);
    case Operator::not_equal:
      return !equal(a, b);
    case Operator::less:
      return compare(a, b) < 0;
    case Operator::less_equal:
      return compare(a, b) <= 0;
    case Operator::greater:
      return compare(a, b) > 0;
    case Operator::greater_equal:
      return compare(a, b) >= 0;
    case Operator::in:
      return contains(b, a);
    default:
      return !contains(b, a);
  }
}

const List* Runtime::items_of(const Value& value) {
  List items;
  switch (value.kind) {
    case Kind::list:
      return value.list;
    case Kind::undefined:
      break;
    case Kind::dict:
      for (const auto& entry : *value.dict) items.push_back(Value::of(entry.first));
      break;
    case Kind::string:
      if (!charge(value.string->size())) break;
      for (const auto character : characters(*value.string)) items.push_back(string(character));
      break;
    default:
      fail("cannot loop over " + operand(value));
  }
  return list(std::move(items)).list;
}

Value Runtime::attribute(const Value& of, std::string_view name) {
  const auto missing = [&] { return Value::undefined(heap_.text(name)); };
  if (!charge(1)) return {};
  switch (of.kind) {
    case Kind::dict:
    case Kind::space: {
      charge(of.dict->size() / 4);
      const Value* found = find(*of.dict, name);
      return found != nullptr ? *found : missing();
    }
    case Kind::loop: {
      const Loop& loop = *of.loop;
      const auto size = loop.items->size();
      const auto integer = [](std::size_t n) { return Value::of(static_cast<std::int64_t>(n)); };
      if (name == "index") return integer(loop.index + 1);
      if (name == "index0") return integer(loop.index);
      if (name == "first") return Value::of(loop.index == 0);
      if (name == "last") return Value::of(loop.index + 1 == size);
      if (name == "length") return integer(size);
      if (name == "revindex") return integer(size - loop.index);
      if (name == "revindex0") return integer(size - loop.index - 1);
      if (name == "previtem") return loop.index > 0 ? (*loop.items)[loop.index - 1] : missing();
      if (name == "nextitem")
        return loop.index + 1 < size ? (*loop.items)[loop.index + 1] : missing();
      return missing();
    }
    case Kind::undefined:
      return fail("cannot take '" + std::string(name) + "' of " + operand(of));
    default:
      return missing();
  }
}

Value Runtime::subscript(const Value& of, const Value& index) {
  if (!charge(1)) return {};
  const bool counted = index.is(Kind::integer) || index.is(Kind::boolean);
  if (of.is(Kind::list) && counted) {
    const auto size = static_cast<std::int64_t>(of.list->size());
    const std::int64_t at = index.as_integer() < 0 ? index.as_integer() + size : index.as_integer();
    return at >= 0 && at < size ? (*of.list)[static_cast<std::size_t>(at)] : Value();
  }
  if (of.is(Kind::string) && counted) {
    if (!charge(of.string->size() / 4)) return {};
    const auto all = characters(*of.string);
    const auto size = static_cast<std::int64_t>(all.size());
    const std::int64_t at = index.as_integer() < 0 ? index.as_integer() + size : index.as_integer();
    return at >= 0 && at < size ? string(all[static_cast<std::size_t>(at)]) : Value();
  }
  if (index.is(Kind::string) && !of.is(Kind::undefined)) return attribute(of, *index.string);
  if (!of.is(Kind::undefined)) return {};
  return fail("cannot take item " + operand(index) + " of " + operand(of));
}

Value Runtime::slice(const Value& of, const Value& start, const Value& stop, const Value& step) {
  const auto bound = [&](const Value& value) -> std::optional<std::int64_t> {
    if (value.is(Kind::none) || value.is(Kind::undefined)) return std::nullopt;
    if (!value.is(Kind::integer) && !value.is(Kind::boolean))
      fail("a slice needs integers, not " + operand(value));
    return value.as_integer();
  };
  const auto by = bound(step).value_or(1);
  if (by == 0 || by < -1'000'000'000 || by > 1'000'000'000)
    return fail("a slice cannot go in steps of " + std::to_string(by));
  if (failed()) return {};
  if (of.is(Kind::list)) {
    const Cut part = cut(bound(start), bound(stop), by, static_cast<std::int64_t>(of.list->size()));
    if (!charge(static_cast<std::size_t>(part.count))) return {};
    List items;
    for (std::int64_t i = 0; i < part.count; ++i)
      items.push_back((*of.list)[static_cast<std::size_t>(part.start + i * part.step)]);
    return list(std::move(items));
  }
  if (of.is(Kind::string)) {
    if (!charge(of.string->size() / 4)) return {};
    const auto all = characters(*of.string);
    const Cut part = cut(bound(start), bound(stop), by, static_cast<std::int64_t>(all.size()));
    std::string out;
    for (std::int64_t i = 0; i < part.count; ++i)
      out += all[static_cast<std::size_t>(part.start + i * part.step)];
    return string(out);
  }
  return fail("cannot slice " + operand(of));
}

namespace {

bool integers(Operator operation, std::int64_t a, std::int64_t b, std::int64_t& out) {
  switch (operation) {
    case Operator::add:
      return !__builtin_add_overflow(a, b, &out);
    case Operator::subtract:
      return !__builtin_sub_overflow(a, b, &out);
    case Operator::multiply:
      return !__builtin_mul_overflow(a, b, &out);
    case Operator::floor_divide:
      if (b == -1) return !__builtin_sub_overflow(0, a, &out);
      out = a / b - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0);
      return true;
    case Operator::modulo:
      out = b == -1 ? 0 : a % b;
      if (out != 0 && (out < 0) != (b < 0)) out += b;
      return true;
    default:  // power, with b >= 0
      out = 1;
      for (; b > 0 && out != 0; --b) {
        if (a == 1 || a == -1) return out = b % 2 == 0 ? 1 : a, true;
        if (__builtin_mul_overflow(out, a, &out)) return false;
      }
      return true;
  }
}

double reals(Operator operation, double a, double b) {
  switch (operation) {
    case Operator::add:
      return a + b;
    case Operator::subtract:
      return a - b;
    case Operator::multiply:
      return a * b;
    case Operator::divide:
      return a / b;
    case Operator::floor_divide:
      return std::floor(a / b);
    case Operator::modulo:
      return a - b * std::floor(a / b);
    default:
      return std::pow(a, b);
  }
}

}  // namespace

Value Runtime::binary(Operator operation, const Value& a, const Value& b) {
  if (operation == Operator::concatenate) return string(text(a) + text(b));
  if (a.is_number() && b.is_number()) {
    const bool divides = operation == Operator::divide || operation == Operator::floor_divide ||
                         operation == Operator::modulo;
    if (divides && b.as_real() == 0) return fail("division by zero");
    const bool real = a.is(Kind::real) || b.is(Kind::real) || operation == Operator::divide ||
                      (operation == Operator::power && b.as_integer() < 0);
    if (real) return Value::of(reals(operation, a.as_real(), b.as_real()));
    std::int64_t out = 0;
    if (!integers(operation, a.as_integer(), b.as_integer(), out))
      return fail("an integer of more than 64 bits");
    return Value::of(out);
  }
  if (operation == Operator::add && a.is(Kind::string) && b.is(Kind::string)) {
    charge((a.string->size() + b.string->size()) / 16);
    return failed() ? Value() : string(*a.string + *b.string);
  }
  if (operation == Operator::add && a.is(Kind::list) && b.is(Kind::list)) {
    if (!charge(a.list->size() + b.list->size())) return {};
    List items = *a.list;
    items.insert(items.end(), b.list->begin(), b.list->end());
    return list(std::move(items));
  }
  const bool repeats = operation == Operator::multiply && a.is(Kind::string);
  if (repeats && (b.is(Kind::integer) || b.is(Kind::boolean))) {
    const auto count = static_cast<std::size_t>(std::max<std::int64_t>(b.as_integer(), 0));
    if (a.string->empty() || count == 0) return string("");
    // The product itself may overflow; a count past the budget is refused before it is formed.
    if (!charge(count) || !charge(count * a.string->size() / 16)) return {};
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += *a.string;
    return string(out);
  }
  return fail("cannot combine " + operand(a) + " and " + operand(b));
}

}  // namespace galley::text::templates
