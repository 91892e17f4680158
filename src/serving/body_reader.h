#pragma once

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "json_fault.h"
#include "serving/model_host.h"

namespace galley::serving {

using JsonElement = simdjson::dom::element;

/// Nesting past this is refused, as in base's parser.
inline constexpr std::size_t kMaxBodyDepth = 64;
/// A parser keeps about nine times the longest body that it has met, so long bodies get their own.
inline constexpr std::size_t kMaxKeptBody = 256 << 10;
/// simdjson counts in 32 bits; longer bodies never get here, since the server's limit is far lower.
inline constexpr std::size_t kMaxBody = std::size_t{1} << 31;

/// Parses the body and hands its top object to `read`, which answers a Result. The tree is
/// simdjson's and not its on-demand walk, because that one validates only what is looked at.
template <class Read>
auto read_body(std::string_view body, Read&& read)
    -> decltype(read(std::declval<simdjson::dom::object>())) {
  static thread_local simdjson::dom::parser kept;
  simdjson::dom::parser fresh;
  if (body.size() > kMaxBody) return Error{Errc::too_large, "the body is longer than 2 GiB"};
  simdjson::dom::parser& parser = body.size() > kMaxKeptBody ? fresh : kept;
  if (parser.max_depth() != kMaxBodyDepth)
    if (parser.allocate(std::max(body.size(), std::size_t{1} << 12), kMaxBodyDepth))
      return Error{Errc::exhausted, "no memory to parse the body"};
  JsonElement root;
  // The parser copies the body to where it may read past the end.
  if (const auto fault = parser.parse(body.data(), body.size(), true).get(root))
    return syntax_fault(body, simdjson::error_message(fault));
  simdjson::dom::object object;
  if (root.get(object)) return Error{Errc::invalid_argument, "the body is no object", {}, "{...}"};
  return read(object);
}

/// What a person would call the value, with the value where it is short.
inline std::string name_value(const JsonElement& value) {
  switch (value.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "a list";
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    case simdjson::dom::element_type::STRING:
      return "a text";
    default:
      return simdjson::minify(value);
  }
}

/// `name` as a call: only errors need the field's name.
template <class Name>
Result<std::string_view> read_text(const JsonElement& value, Name&& name) {
  std::string_view text;
  if (value.get(text)) return wrong_value(name(), name_value(value), "a text in quotes");
  if (text.size() > ModelHost::kMaxTextBytes)
    return wrong_value(name(), std::to_string(text.size()) + " bytes",
                       "at most " + std::to_string(ModelHost::kMaxTextBytes) + " bytes");
  return text;
}

inline Status check_count(std::string_view field, std::size_t count) {
  if (count >= 1 && count <= ModelHost::kMaxTexts) return ok();
  return wrong_value(field, std::to_string(count) + " texts",
                     "1 to " + std::to_string(ModelHost::kMaxTexts) + " texts");
}

}  // namespace galley::serving
