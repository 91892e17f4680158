#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/result.h"

namespace galley::protocol {

/// One entry of a struct's field table. `doc` is the sentence that the JSON Schema and
/// `galley init` show; a required field must be present in what we parse.
template <class Struct, class Member>
struct Field {
  std::string_view name;
  Member Struct::*member;
  std::string_view doc;
  bool required = false;
  /// Bounds of integers and lengths of strings, lists and maps; ignored elsewhere.
  std::int64_t minimum = 0;
  std::int64_t maximum = std::int64_t{1} << 60;
};

/// Specialised for each struct: `static constexpr std::string_view kind` (for messages) and
/// `static constexpr std::tuple table{Field{...}, ...}`.
template <class Struct>
struct Fields;

template <class T>
concept HasFields = requires { Fields<T>::table; };

/// Specialised for each enum that crosses a wire: `static constexpr
/// std::array<std::pair<std::string_view, E>, N> words`.
template <class Enum>
struct Words;

template <class Enum>
concept HasWords = std::is_enum_v<Enum> && requires { Words<Enum>::words; };

template <HasWords Enum>
std::string_view word_of(Enum value) {
  for (const auto& [word, candidate] : Words<Enum>::words)
    if (candidate == value) return word;
  return "unknown";
}
template <HasWords Enum>
std::optional<Enum> from_word(std::string_view text) {
  for (const auto& [word, candidate] : Words<Enum>::words)
    if (word == text) return candidate;
  return std::nullopt;
}

/// A size that people write as "32GiB" and programs as a number of bytes.
struct Bytes {
  std::int64_t count = 0;
  bool operator==(const Bytes&) const = default;
};

/// Files and /api/v1 refuse unknown fields; messages between controller and agents ignore them
/// (one version of skew).
enum class Unknown { refuse, ignore };

namespace detail {

Error wrong_type(std::string_view path, std::string_view expected, const Json& found);
Error out_of_range(std::string_view path, std::int64_t minimum, std::int64_t maximum,
                   std::string_view found);
Error unknown_field(std::string_view path, std::string_view name,
                    const std::vector<std::string>& known);
Error missing_field(std::string_view path, std::string_view doc);
Error wrong_word(std::string_view path, std::string_view found,
                 const std::vector<std::string>& known);
std::string join(std::string_view path, std::string_view name);
std::string join(std::string_view path, std::size_t index);

Status read_bool(const Json& json, std::string_view path, bool& out);
Status read_integer(const Json& json, std::string_view path, std::int64_t minimum,
                    std::int64_t maximum, std::int64_t& out);
Status read_real(const Json& json, std::string_view path, double& out);
Status read_text(const Json& json, std::string_view path, std::int64_t minimum,
                 std::int64_t maximum, std::string& out);
Status read_bytes(const Json& json, std::string_view path, Bytes& out);
Status read_duration(const Json& json, std::string_view path, Millis& out);
Status read_time(const Json& json, std::string_view path, WallTime& out);

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsList : std::false_type {};
template <class T>
struct IsList<std::vector<T>> : std::true_type {};
template <class T>
struct IsId : std::false_type {};
template <class Tag>
struct IsId<Id<Tag>> : std::true_type {};
template <class>
inline constexpr bool kUnreadable = false;

struct Context {
  std::string path;
  Unknown unknown = Unknown::refuse;
  std::int64_t minimum = 0;
  std::int64_t maximum = std::int64_t{1} << 60;
};

template <HasFields T>
Status read_struct(const Json& json, const Context& context, T& out);

template <class T>
Status read_list(const Json& json, const Context& context, std::vector<T>& out);

template <class T>
Status read_value(const Json& json, const Context& context, T& out) {
  const auto& [path, unknown, minimum, maximum] = context;
  if constexpr (IsOptional<T>::value) {
    if (json.is_null()) return ok();
    return read_value(json, context, out.emplace());
  } else if constexpr (std::same_as<T, bool>) {
    return read_bool(json, path, out);
  } else if constexpr (std::same_as<T, Json>) {
    out = json;
    return ok();
  } else if constexpr (std::integral<T>) {
    std::int64_t wide = 0;
    GALLEY_TRY_STATUS(read_integer(json, path, minimum, maximum, wide));
    out = static_cast<T>(wide);
    return ok();
  } else if constexpr (std::same_as<T, double>) {
    return read_real(json, path, out);
  } else if constexpr (std::same_as<T, std::string>) {
    return read_text(json, path, minimum, maximum, out);
  } else if constexpr (std::same_as<T, Bytes>) {
    return read_bytes(json, path, out);
  } else if constexpr (std::same_as<T, Millis>) {
    return read_duration(json, path, out);
  } else if constexpr (std::same_as<T, WallTime>) {
    return read_time(json, path, out);
  } else if constexpr (IsId<T>::value) {
    std::string text;
    GALLEY_TRY_STATUS(read_text(json, path, 0, 64, text));
    if (text.empty()) return ok();
    auto id = T::parse(text);
    if (!id) {
      auto error = std::move(id).error();
      error.field = path;
      return error;
    }
    out = *std::move(id);
    return ok();
  } else if constexpr (HasWords<T>) {
    std::string text;
    GALLEY_TRY_STATUS(read_text(json, path, 0, 256, text));
    if (const auto value = from_word<T>(text)) {
      out = *value;
      return ok();
    }
    std::vector<std::string> known;
    for (const auto& entry : Words<T>::words) known.emplace_back(entry.first);
    return wrong_word(path, text, known);
  } else if constexpr (IsList<T>::value) {
    return read_list(json, context, out);
  } else if constexpr (std::same_as<T, std::map<std::string, std::string>>) {
    if (!json.is_object()) return wrong_type(path, "an object of texts", json);
    if (static_cast<std::int64_t>(json.size()) > maximum)
      return out_of_range(path, minimum, maximum, std::to_string(json.size()) + " entries");
    for (const auto& [key, value] : json.items())
      GALLEY_TRY_STATUS(read_text(value, join(path, key), 0, 1 << 20, out[key]));
    return ok();
  } else if constexpr (HasFields<T>) {
    return read_struct(json, context, out);
  } else {
    static_assert(kUnreadable<T>, "this member type has no reader");
  }
}

template <class T>
Status read_list(const Json& json, const Context& context, std::vector<T>& out) {
  if (!json.is_array()) return wrong_type(context.path, "a list", json);
  const auto count = static_cast<std::int64_t>(json.size());
  if (count < context.minimum || count > context.maximum)
    return out_of_range(context.path, context.minimum, context.maximum,
                        std::to_string(count) + " entries");
  for (std::size_t i = 0; i < json.size(); ++i)
    GALLEY_TRY_STATUS(
        read_value(json[i], Context{join(context.path, i), context.unknown}, out.emplace_back()));
  return ok();
}

template <HasFields T>
std::vector<std::string> names_of() {
  std::vector<std::string> names;
  std::apply([&](const auto&... field) { (names.emplace_back(field.name), ...); },
             Fields<T>::table);
  return names;
}

template <HasFields T>
Status read_struct(const Json& json, const Context& context, T& out) {
  if (!json.is_object()) return wrong_type(context.path, "an object", json);
  if (context.unknown == Unknown::refuse) {
    const auto names = names_of<T>();
    for (const auto& [key, value] : json.items())
      if (std::find(names.begin(), names.end(), key) == names.end())
        return unknown_field(context.path, key, names);
  }
  Status status = ok();
  const auto read_one = [&](const auto& field) {
    const std::string path = join(context.path, field.name);
    const auto found = json.find(std::string(field.name));
    if (found == json.end()) {
      if (field.required) status = missing_field(path, field.doc);
    } else {
      status = read_value(*found, Context{path, context.unknown, field.minimum, field.maximum},
                          out.*field.member);
    }
    return static_cast<bool>(status);
  };
  std::apply([&](const auto&... field) { (read_one(field) && ...); }, Fields<T>::table);
  return status;
}

Json print_time(WallTime time);

template <HasFields T>
Json print_fields(const T& value);

template <class T>
Json print_value(const T& value) {
  if constexpr (IsOptional<T>::value) {
    return value ? print_value(*value) : Json(nullptr);
  } else if constexpr (std::same_as<T, Bytes>) {
    return value.count;
  } else if constexpr (std::same_as<T, Millis>) {
    return static_cast<double>(value.count()) / 1e3;
  } else if constexpr (std::same_as<T, WallTime>) {
    return print_time(value);
  } else if constexpr (IsId<T>::value) {
    return value.str();
  } else if constexpr (HasWords<T>) {
    return std::string(word_of(value));
  } else if constexpr (IsList<T>::value) {
    Json list = Json::array();
    for (const auto& item : value) list.push_back(print_value(item));
    return list;
  } else if constexpr (HasFields<T>) {
    return print_fields(value);
  } else {
    return value;
  }
}

/// An absent optional, and an empty id, leave no key: absent is absent.
template <class T>
bool is_absent(const T& value) {
  if constexpr (IsOptional<T>::value) return !value.has_value();
  if constexpr (IsId<T>::value) return value.empty();
  return false;
}

template <HasFields T>
Json print_fields(const T& value) {
  Json json = Json::object();
  const auto print_one = [&](const auto& field) {
    const auto& member = value.*field.member;
    if (!is_absent(member)) json[std::string(field.name)] = print_value(member);
  };
  std::apply([&](const auto&... field) { (print_one(field), ...); }, Fields<T>::table);
  return json;
}

template <HasFields T>
Json schema_of_fields();

template <class T>
Json schema_of_value() {
  if constexpr (IsOptional<T>::value) {
    return schema_of_value<typename T::value_type>();
  } else if constexpr (std::same_as<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::same_as<T, Json>) {
    return Json::object();
  } else if constexpr (std::integral<T>) {
    return {{"type", "integer"}};
  } else if constexpr (std::same_as<T, double>) {
    return {{"type", "number"}};
  } else if constexpr (std::same_as<T, Bytes>) {
    return {{"type", Json::array({"integer", "string"})}, {"examples", Json::array({"32GiB"})}};
  } else if constexpr (std::same_as<T, Millis>) {
    return {{"type", Json::array({"number", "string"})}, {"examples", Json::array({"90m"})}};
  } else if constexpr (std::same_as<T, WallTime>) {
    return {{"type", "string"}, {"format", "date-time"}};
  } else if constexpr (HasWords<T>) {
    Json words = Json::array();
    for (const auto& entry : Words<T>::words) words.push_back(std::string(entry.first));
    return {{"type", "string"}, {"enum", words}};
  } else if constexpr (IsList<T>::value) {
    return {{"type", "array"}, {"items", schema_of_value<typename T::value_type>()}};
  } else if constexpr (std::same_as<T, std::map<std::string, std::string>>) {
    return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
  } else if constexpr (HasFields<T>) {
    return schema_of_fields<T>();
  } else {
    return {{"type", "string"}};
  }
}

template <HasFields T>
Json schema_of_fields() {
  Json properties = Json::object();
  Json required = Json::array();
  const auto add = [&](const auto& field) {
    using Member = std::remove_cvref_t<decltype(std::declval<T>().*field.member)>;
    Json schema = schema_of_value<Member>();
    schema["description"] = std::string(field.doc);
    if constexpr (std::integral<Member> && !std::same_as<Member, bool>) {
      schema["minimum"] = field.minimum;
      if (field.maximum < (std::int64_t{1} << 60)) schema["maximum"] = field.maximum;
    }
    properties[std::string(field.name)] = schema;
    if (field.required) required.push_back(std::string(field.name));
  };
  std::apply([&](const auto&... field) { (add(field), ...); }, Fields<T>::table);
  Json schema{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

}  // namespace detail

/// Reads a struct by its field table. Errors: invalid_argument with field = the JSON path.
template <HasFields T>
Result<T> parse_struct(const Json& json, Unknown unknown = Unknown::refuse) {
  T value;
  GALLEY_TRY_STATUS(detail::read_struct(json, detail::Context{{}, unknown}, value));
  return value;
}

template <HasFields T>
Json print_struct(const T& value) {
  return detail::print_fields(value);
}

/// JSON Schema (2020-12) of the struct.
template <HasFields T>
Json schema_of() {
  return detail::schema_of_fields<T>();
}

}  // namespace galley::protocol
