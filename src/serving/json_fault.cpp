#include "json_fault.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace galley::serving {
namespace {

/// About a millisecond for the slower parser.
constexpr std::size_t kMaxReadAgain = 64 << 10;
constexpr std::size_t kMaxFaultBytes = 64;

}  // namespace

Error syntax_fault(std::string_view body, std::string_view reason) {
  if (body.size() <= kMaxReadAgain)
    if (auto json = parse_json(body); !json) {
      Error error = std::move(json).error();
      // The message quotes the body, which need not be valid UTF-8.
      error.message = "the body is refused: " + to_valid_utf8(error.message);
      return error;
    }
  return Error{Errc::invalid_argument,
               fmt::format("the body is not valid JSON: {}", reason),
               {},
               "one JSON document"};
}

Error missing_field(std::string_view field, std::string expected) {
  return Error{Errc::invalid_argument, "required field is missing", std::string(field),
               std::move(expected)};
}

Error wrong_value(std::string_view field, std::string found, std::string expected) {
  return Error{Errc::invalid_argument, "found " + std::move(found), std::string(field),
               std::move(expected)};
}

Error unknown_field(std::string_view field, std::span<const std::string_view> known) {
  Error error{Errc::invalid_argument, "unknown field",
              to_valid_utf8(field.substr(0, kMaxFaultBytes))};
  const std::vector<std::string> names(known.begin(), known.end());
  const std::string close = field.size() > kMaxFaultBytes ? std::string() : nearest(field, names);
  if (close.empty())
    error.expected = fmt::format("one of {}", fmt::join(names, ", "));
  else
    error.hint = fmt::format("did you mean {}?", close);
  return error;
}

}  // namespace galley::serving
