#include "postgresql_values.h"

#include "libpq.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <string_view>

namespace galley::store {
namespace {

// Numbers of types in PostgreSQL's catalogue; they never change.
constexpr unsigned kAny = 0;  // inferred by the server
constexpr unsigned kBool = 16;
constexpr unsigned kBytes = 17;
constexpr unsigned kInt8 = 20;
constexpr unsigned kInt2 = 21;
constexpr unsigned kInt4 = 23;
constexpr unsigned kFloat4 = 700;
constexpr unsigned kFloat8 = 701;
constexpr unsigned kNumeric = 1700;

constexpr int kTextForm = 0;
constexpr int kBinaryForm = 1;

bool is_nan(const Value& value) {
  const auto* real = std::get_if<double>(&value);
  return real != nullptr && std::isnan(*real);
}

std::string big_endian(std::uint64_t bits) {
  std::string bytes(sizeof bits, '\0');
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, bits >>= 8)
    *byte = static_cast<char>(bits & 0xff);
  return bytes;
}

int hex_digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/// "\x00ff": the form of every server since version 9.
Blob blob_of(std::string_view text) {
  Blob blob;
  if (text.starts_with("\\x")) text.remove_prefix(2);
  blob.bytes.resize(text.size() / 2);
  for (std::size_t i = 0; i < blob.bytes.size(); ++i)
    blob.bytes[i] = static_cast<char>(hex_digit(text[2 * i]) * 16 + hex_digit(text[2 * i + 1]));
  return blob;
}

double real_of(std::string_view text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// An integer, or what is nearest to a number that is none.
Value number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return real_of(text);
}

}  // namespace

unsigned type_of(const Value& value) {
  if (std::holds_alternative<std::int64_t>(value)) return kInt8;
  if (std::holds_alternative<double>(value)) return is_nan(value) ? kAny : kFloat8;
  return std::holds_alternative<Blob>(value) ? kBytes : kAny;
}

Result<BoundParameters> BoundParameters::bind(const std::vector<Value>& values,
                                              const std::vector<std::size_t>& slots) {
  BoundParameters bound;
  bound.numbers_.reserve(slots.size());
  const auto add = [&](const char* pointer, std::size_t length, int format) {
    bound.pointers_.push_back(pointer);
    bound.lengths_.push_back(static_cast<int>(length));
    bound.formats_.push_back(format);
  };
  const auto add_number = [&](std::uint64_t bits) {
    bound.numbers_.push_back(big_endian(bits));
    add(bound.numbers_.back().data(), sizeof bits, kBinaryForm);
  };
  for (const std::size_t slot : slots) {
    const Value& value = values[slot];
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      add_number(static_cast<std::uint64_t>(*integer));
    } else if (const auto* real = std::get_if<double>(&value); real && !std::isnan(*real)) {
      add_number(std::bit_cast<std::uint64_t>(*real));
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      if (text->find('\0') != std::string::npos)
        return Error{Errc::invalid_argument, "a text with a zero byte cannot be stored"};
      add(text->c_str(), text->size(), kTextForm);
    } else if (const auto* blob = std::get_if<Blob>(&value)) {
      add(blob->bytes.data(), blob->bytes.size(), kBinaryForm);
    } else {
      add(nullptr, 0, kTextForm);
    }
  }
  return bound;
}

std::string type_letters(const std::vector<Value>& values) {
  std::string letters;
  for (const Value& value : values) {
    const unsigned type = type_of(value);
    letters += type == kInt8 ? 'i' : type == kFloat8 ? 'r' : type == kBytes ? 'b' : '-';
  }
  return letters;
}

Value value_of(const pg_result& result, int row, int column) {
  if (pq().PQgetisnull(&result, row, column)) return nullptr;
  const std::string_view text(pq().PQgetvalue(&result, row, column),
                              static_cast<std::size_t>(pq().PQgetlength(&result, row, column)));
  switch (pq().PQftype(&result, column)) {
    case kBool:
      return std::int64_t{text == "t"};
    case kBytes:
      return blob_of(text);
    case kInt2:
    case kInt4:
    case kInt8:
    case kNumeric:
      return number_of(text);
    case kFloat4:
    case kFloat8:
      return real_of(text);
    default:
      return std::string(text);
  }
}

}  // namespace galley::store
