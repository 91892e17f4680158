#include <cstring>
#include <limits>

#include "inference/gguf.h"

namespace galley::inference {
namespace {

Error wrong_type(std::string_view key, std::string_view wanted, const GgufValue& value) {
  std::string found(name_of(value.type));
  if (value.type == GgufType::array)
    found += " of " + std::to_string(value.count) + " " + std::string(name_of(value.element));
  return {Errc::corrupt, "GGUF: key '" + std::string(key) + "' should be " + std::string(wanted) +
                             " and is " + found};
}

Error missing(std::string_view key) {
  return {Errc::corrupt, "GGUF: key '" + std::string(key) + "' is missing"};
}

template <class T>
T load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

/// The integer at `bytes`, where the type is one and the value fits 64 bits with a sign.
std::optional<std::int64_t> integer_at(GgufType type, const char* bytes) {
  switch (type) {
    case GgufType::u8:
      return load<std::uint8_t>(bytes);
    case GgufType::i8:
      return load<std::int8_t>(bytes);
    case GgufType::u16:
      return load<std::uint16_t>(bytes);
    case GgufType::i16:
      return load<std::int16_t>(bytes);
    case GgufType::u32:
      return load<std::uint32_t>(bytes);
    case GgufType::i32:
      return load<std::int32_t>(bytes);
    case GgufType::i64:
      return load<std::int64_t>(bytes);
    case GgufType::u64: {
      const auto value = load<std::uint64_t>(bytes);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> number_at(GgufType type, const char* bytes) {
  if (type == GgufType::f32) return static_cast<double>(load<float>(bytes));
  if (type == GgufType::f64) return load<double>(bytes);
  if (const auto integer = integer_at(type, bytes)) return static_cast<double>(*integer);
  return std::nullopt;
}

}  // namespace

std::string_view name_of(GgufType type) {
  constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};
  const auto index = static_cast<std::size_t>(type);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

const GgufValue* Gguf::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

Result<std::optional<std::int64_t>> Gguf::find_integer(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::optional<std::int64_t>();
  const auto integer = integer_at(value->type, value->bytes.data());
  if (!integer) return wrong_type(key, "an integer", *value);
  return integer;
}

Result<std::optional<std::uint64_t>> Gguf::find_unsigned(std::string_view key) const {
  GALLEY_TRY(const auto integer, find_integer(key));
  if (!integer) return std::optional<std::uint64_t>();
  if (*integer < 0)
    return Error{Errc::corrupt, "GGUF: key '" + std::string(key) + "' is " +
                                    std::to_string(*integer) + " and may not be negative"};
  return std::optional(static_cast<std::uint64_t>(*integer));
}

Result<std::optional<double>> Gguf::find_number(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::optional<double>();
  const auto number = number_at(value->type, value->bytes.data());
  if (!number) return wrong_type(key, "a number", *value);
  return number;
}

Result<std::optional<bool>> Gguf::find_bool(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::optional<bool>();
  if (value->type != GgufType::boolean) return wrong_type(key, "a bool", *value);
  return std::optional(value->bytes[0] != 0);
}

Result<std::optional<std::string_view>> Gguf::find_string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::optional<std::string_view>();
  if (value->type != GgufType::string) return wrong_type(key, "a string", *value);
  return std::optional(value->bytes);
}

Result<std::optional<std::vector<std::string_view>>> Gguf::find_strings(
    std::string_view key) const {
  using Strings = std::vector<std::string_view>;
  const GgufValue* value = find(key);
  if (value == nullptr) return std::optional<Strings>();
  if (value->type != GgufType::array || value->element != GgufType::string)
    return wrong_type(key, "an array of strings", *value);
  Strings strings;
  strings.reserve(value->count);
  std::string_view rest = value->bytes;  // parse() has walked it: the lengths are right
  for (std::uint64_t i = 0; i < value->count; ++i) {
    const auto length = load<std::uint64_t>(rest.data());
    strings.push_back(rest.substr(8, length));
    rest.remove_prefix(8 + length);
  }
  return std::optional(std::move(strings));
}

Result<std::optional<std::vector<float>>> Gguf::find_floats(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::optional<std::vector<float>>();
  if (value->type != GgufType::array ||
      (value->element != GgufType::f32 && value->element != GgufType::f64))
    return wrong_type(key, "an array of f32", *value);
  std::vector<float> floats(value->count);
  const std::size_t each = value->element == GgufType::f32 ? 4 : 8;
  for (std::size_t i = 0; i < floats.size(); ++i)
    floats[i] = static_cast<float>(*number_at(value->element, value->bytes.data() + i * each));
  return std::optional(std::move(floats));
}

Result<std::optional<std::vector<std::int64_t>>> Gguf::find_integers(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::optional<std::vector<std::int64_t>>();
  if (value->type != GgufType::array || value->element == GgufType::string)
    return wrong_type(key, "an array of integers", *value);
  std::vector<std::int64_t> integers(value->count);
  if (integers.empty()) return std::optional(std::move(integers));
  const std::size_t each = value->bytes.size() / integers.size();
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const auto integer = integer_at(value->element, value->bytes.data() + i * each);
    if (!integer) return wrong_type(key, "an array of integers", *value);
    integers[i] = *integer;
  }
  return std::optional(std::move(integers));
}

Result<std::uint64_t> Gguf::unsigned_of(std::string_view key) const {
  GALLEY_TRY(const auto value, find_unsigned(key));
  if (!value) return missing(key);
  return *value;
}

Result<double> Gguf::number_of(std::string_view key) const {
  GALLEY_TRY(const auto value, find_number(key));
  if (!value) return missing(key);
  return *value;
}

Result<std::string_view> Gguf::string_of(std::string_view key) const {
  GALLEY_TRY(const auto value, find_string(key));
  if (!value) return missing(key);
  return *value;
}

Result<std::vector<std::string_view>> Gguf::strings_of(std::string_view key) const {
  GALLEY_TRY(auto value, find_strings(key));
  if (!value) return missing(key);
  return *std::move(value);
}

}  // namespace galley::inference
