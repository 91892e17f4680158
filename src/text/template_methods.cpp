#include <algorithm>
#include <array>

#include "template_runtime.h"
#include "template_strings.h"

namespace galley::text::templates {
namespace {

using Method = Value (*)(Runtime&, const std::string& text, const Arguments& given);

template <Side side>
Value stripped(Runtime& run, const std::string& text, const Arguments& given) {
  const Value* set = given.get(0, "chars");
  if (set == nullptr || set->is(Kind::none)) return run.string(strip(text, side));
  return run.string(strip(text, side, run.text_argument(given, 0, "chars")));
}

Value views(Runtime& run, const std::vector<std::string_view>& parts) {
  List items;
  for (const auto part : parts) {
    items.push_back(run.string(part));
    if (run.failed()) break;
  }
  return run.list(std::move(items));
}

Value split_text(Runtime& run, const std::string& text, const Arguments& given) {
  const Value* separator = given.get(0, "sep");
  const auto limit = run.integer_argument(given, 1, "maxsplit", -1);
  if (separator == nullptr || separator->is(Kind::none))
    return views(run, split(text, std::nullopt, limit));
  const auto by = run.text_argument(given, 0, "sep");
  if (by.empty()) return run.fail("cannot split by an empty separator");
  return views(run, split(text, by, limit));
}

Value lines(Runtime& run, const std::string& text, const Arguments&) {
  return views(run, split_lines(text));
}

enum class End : std::uint8_t { start, end };

template <End end>
Value begins(Runtime& run, const std::string& text, const Arguments& given) {
  const auto matches = [&](const Value& part) {
    if (!part.is(Kind::string)) run.fail("startswith and endswith need strings");
    if (run.failed()) return false;
    return end == End::start ? text.starts_with(*part.string) : text.ends_with(*part.string);
  };
  const Value* part = given.get(0, "prefix");
  if (part == nullptr) return run.fail("startswith and endswith need a string");
  if (!part->is(Kind::list)) return Value::of(matches(*part));
  return Value::of(std::ranges::any_of(*part->list, matches));
}

Value replace_text(Runtime& run, const std::string& text, const Arguments& given) {
  const auto from = run.text_argument(given, 0, "old");
  const auto to = run.text_argument(given, 1, "new");
  const Value* count = given.get(2, "count");
  const bool all = count == nullptr || count->is(Kind::none);
  const auto limit = all ? -1 : run.integer_argument(given, 2, "count", -1);
  // The answer may be longer than both: what it costs is known before it is made.
  std::size_t hits = from.empty() ? text.size() + 1 : 0;
  for (std::size_t at = 0; !from.empty(); ++hits, at += from.size())
    if ((at = text.find(from, at)) == std::string::npos) break;
  if (run.failed() || !run.charge(text.size() / 16 + hits + hits * to.size() / 16)) return {};
  return run.string(replace(text, from, to, limit));
}

template <std::string (*change)(std::string_view)>
Value changed(Runtime& run, const std::string& text, const Arguments&) {
  return run.string(change(text));
}

Value find_text(Runtime& run, const std::string& text, const Arguments& given) {
  const std::size_t at = text.find(run.text_argument(given, 0, "sub"));
  if (at == std::string::npos) return Value::of(std::int64_t{-1});
  return Value::of(
      static_cast<std::int64_t>(character_count(std::string_view(text).substr(0, at))));
}

Value count_text(Runtime& run, const std::string& text, const Arguments& given) {
  const auto part = run.text_argument(given, 0, "sub");
  if (part.empty()) return run.fail("cannot count an empty string");
  std::int64_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return Value::of(count);
}

Value join_text(Runtime& run, const std::string& text, const Arguments& given) {
  if (given.positional.empty()) return run.fail("join needs a list");
  std::string out;
  bool first = true;
  for (const Value& item : *run.items_of(given.positional[0])) {
    if (!item.is(Kind::string)) return run.fail("join needs strings");
    if (!std::exchange(first, false)) out += text;
    out += *item.string;
    if (!run.charge(1 + (text.size() + item.string->size()) / 16)) break;
  }
  return run.string(out);
}

template <char low, char high>
bool all_between(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= low && c <= high; });
}

Value is_digits(Runtime&, const std::string& text, const Arguments&) {
  return Value::of(all_between<'0', '9'>(text));
}

struct NamedMethod {
  std::string_view name;
  Method method;
};

constexpr std::array kStringMethods{
    NamedMethod{"capitalize", changed<capitalize>},
    NamedMethod{"count", count_text},
    NamedMethod{"endswith", begins<End::end>},
    NamedMethod{"find", find_text},
    NamedMethod{"isdigit", is_digits},
    NamedMethod{"join", join_text},
    NamedMethod{"lower", changed<lower>},
    NamedMethod{"lstrip", stripped<Side::left>},
    NamedMethod{"replace", replace_text},
    NamedMethod{"rstrip", stripped<Side::right>},
    NamedMethod{"split", split_text},
    NamedMethod{"splitlines", lines},
    NamedMethod{"startswith", begins<End::start>},
    NamedMethod{"strip", stripped<Side::both>},
    NamedMethod{"title", changed<title_words>},
    NamedMethod{"upper", changed<upper>},
};

Value pairs(Runtime& run, const Dict& dict) {
  List items;
  for (const auto& [key, value] : dict) items.push_back(run.list({Value::of(key), value}));
  return run.list(std::move(items));
}

}  // namespace

Value Runtime::method(const Value& of, std::string_view name, const Arguments& given) {
  if (failed()) return {};
  if (of.is(Kind::string)) {
    const auto found = std::ranges::find(kStringMethods, name, &NamedMethod::name);
    if (found != kStringMethods.end())
      return charge(1 + of.string->size() / 16) ? found->method(*this, *of.string, given) : Value();
  }
  if (of.is(Kind::dict)) {
    if (name == "items") return pairs(*this, *of.dict);
    if (name == "keys") return Value::of(items_of(of));
    if (name == "values") {
      List values;
      for (const auto& entry : *of.dict) values.push_back(entry.second);
      return list(std::move(values));
    }
    if (name == "get") {
      const auto key = text_argument(given, 0, "key");
      if (!charge(of.dict->size() / 4)) return {};
      if (const Value* value = find(*of.dict, key)) return *value;
      const Value* other = given.get(1, "default");
      return other != nullptr ? *other : Value::none();
    }
  }
  if (of.is(Kind::loop) && name == "cycle" && !given.positional.empty())
    return given.positional[of.loop->index % given.positional.size()];
  if (of.is(Kind::undefined) && of.string != nullptr)
    return fail("cannot call '" + std::string(name) + "' of '" + *of.string + "' (undefined)");
  return fail(std::string(type_name(of)) + " has no method '" + std::string(name) + "' here");
}

std::string_view Runtime::text_argument(const Arguments& given, std::size_t position,
                                        std::string_view name,
                                        std::optional<std::string_view> other) {
  const Value* value = given.get(position, name);
  if (value == nullptr && other) return *other;
  if (value != nullptr && value->is(Kind::string)) return *value->string;
  fail("argument '" + std::string(name) + "' must be a string" +
       (value == nullptr ? "" : ", not " + std::string(type_name(*value))));
  return "";
}

std::int64_t Runtime::integer_argument(const Arguments& given, std::size_t position,
                                       std::string_view name, std::int64_t other) {
  const Value* value = given.get(position, name);
  if (value == nullptr) return other;
  if (value->is(Kind::integer) || value->is(Kind::boolean)) return value->as_integer();
  fail("argument '" + std::string(name) + "' must be an integer, not " +
       std::string(type_name(*value)));
  return other;
}

}  // namespace galley::text::templates
