#include "template_value.h"

namespace galley::text::templates {

Value Value::of(bool value) {
  Value made;
  made.kind = Kind::boolean;
  made.boolean = value;
  return made;
}

Value Value::of(std::int64_t value) {
  Value made;
  made.kind = Kind::integer;
  made.integer = value;
  return made;
}

Value Value::of(double value) {
  Value made;
  made.kind = Kind::real;
  made.real = value;
  return made;
}

Value Value::of(Function value) {
  Value made;
  made.kind = Kind::function;
  made.function = value;
  return made;
}

Value Value::of(const std::string* value) {
  Value made;
  made.kind = Kind::string;
  made.string = value;
  return made;
}

Value Value::of(const List* value) {
  Value made;
  made.kind = Kind::list;
  made.list = value;
  return made;
}

Value Value::of(Dict* value, Kind kind) {
  Value made;
  made.kind = kind;
  made.dict = value;
  return made;
}

Value Value::of(Loop* value) {
  Value made;
  made.kind = Kind::loop;
  made.loop = value;
  return made;
}

Value Value::of(const Statement* value) {
  Value made;
  made.kind = Kind::macro;
  made.macro = value;
  return made;
}

Value Value::none() {
  Value made;
  made.kind = Kind::none;
  return made;
}

Value Value::undefined(const std::string* name) {
  Value made;
  made.string = name;
  return made;
}

std::string_view type_name(const Value& value) {
  switch (value.kind) {
    case Kind::undefined:
      return "undefined";
    case Kind::none:
      return "none";
    case Kind::boolean:
      return "a boolean";
    case Kind::integer:
      return "an integer";
    case Kind::real:
      return "a float";
    case Kind::string:
      return "a string";
    case Kind::list:
      return "a list";
    case Kind::dict:
      return "a mapping";
    case Kind::space:
      return "a namespace";
    case Kind::loop:
      return "a loop";
    case Kind::macro:
      return "a macro";
    case Kind::function:
      return "a function";
  }
  return "a value";
}

bool is_true(const Value& value) {
  switch (value.kind) {
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
      return value.boolean;
    case Kind::integer:
      return value.integer != 0;
    case Kind::real:
      return value.real != 0;
    case Kind::string:
      return !value.string->empty();
    case Kind::list:
      return !value.list->empty();
    case Kind::dict:
      return !value.dict->empty();
    default:
      return true;
  }
}

const Value* find(const Dict& dict, std::string_view key) {
  for (const auto& [name, value] : dict)
    if (*name == key) return &value;
  return nullptr;
}

}  // namespace galley::text::templates
