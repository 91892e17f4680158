#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley {

/// A JSON document where people look (specs, API answers); bytes that flow use simdjson instead.
using Json = nlohmann::json;

/// Nesting past this is refused: recursion on a stranger's input must be bounded.
inline constexpr int kMaxJsonDepth = 64;

/// Errors: invalid_argument with line and column of the first fault; also for invalid UTF-8,
/// duplicate keys and nesting deeper than kMaxJsonDepth.
Result<Json> parse_json(std::string_view text);

/// Compact text; invalid UTF-8 in strings becomes U+FFFD, so it never fails.
std::string dump_json(const Json& json, int indent = -1);

}  // namespace galley
