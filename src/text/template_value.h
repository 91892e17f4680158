#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace galley::text::templates {

struct Value;
struct Statement;
using List = std::vector<Value>;
/// In the order of insertion, as Python's. Keys are strings.
using Dict = std::vector<std::pair<const std::string*, Value>>;

enum class Kind : std::uint8_t {
  undefined,
  none,
  boolean,
  integer,
  real,
  string,
  list,
  dict,
  space,  // namespace(): the only thing that a template can change
  loop,
  macro,
  function
};

enum class Function : std::uint8_t { range, make_namespace, make_dict, raise_exception, strftime };

struct Loop {
  const List* items = nullptr;
  std::size_t index = 0;
};

/// A value of a template. What it points to belongs to a Heap (of the rendering, or of the compiled
/// template for literals), so copies are free and a namespace that holds itself leaks nothing.
struct Value {
  Kind kind = Kind::undefined;
  union {
    bool boolean;
    std::int64_t integer;
    double real;
    const std::string* string;  // of undefined: the name that was looked up, or null
    const List* list;
    Dict* dict;
    Loop* loop;
    const Statement* macro;
    Function function;
  };

  Value() : string(nullptr) {}
  static Value of(bool value);
  static Value of(std::int64_t value);
  static Value of(double value);
  static Value of(Function value);
  static Value of(const std::string* value);
  static Value of(const List* value);
  static Value of(Dict* value, Kind kind);
  static Value of(Loop* value);
  static Value of(const Statement* value);
  static Value none();
  static Value undefined(const std::string* name);

  bool is(Kind other) const { return kind == other; }
  bool is_number() const {
    return kind == Kind::boolean || kind == Kind::integer || kind == Kind::real;
  }
  /// Of booleans and integers, which Python computes with alike.
  std::int64_t as_integer() const { return kind == Kind::boolean ? boolean : integer; }
  double as_real() const { return kind == Kind::real ? real : static_cast<double>(as_integer()); }
};

/// Python's name of the type, for messages.
std::string_view type_name(const Value& value);
/// Python's truth: false, 0, "", empty containers, None and undefined are false.
bool is_true(const Value& value);

/// Owns what values point to, until the rendering ends.
class Heap {
 public:
  Value string(std::string text) { return Value::of(&strings_.emplace_back(std::move(text))); }
  const std::string* text(std::string_view text) { return &strings_.emplace_back(text); }
  Value list(List items) { return Value::of(&lists_.emplace_back(std::move(items))); }
  Value dict(Dict items, Kind kind = Kind::dict) {
    return Value::of(&dicts_.emplace_back(std::move(items)), kind);
  }
  Value loop(Loop loop) { return Value::of(&loops_.emplace_back(loop)); }

 private:
  std::deque<std::string> strings_;
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::deque<Loop> loops_;
};

/// The value of a key; null where there is none.
const Value* find(const Dict& dict, std::string_view key);

}  // namespace galley::text::templates
