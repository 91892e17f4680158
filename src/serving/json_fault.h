#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::serving {

/// Why simdjson refused the body, with line and column where the body is short enough to be read a
/// second time by the slower parser that knows them. `reason` is used for the others.
Error syntax_fault(std::string_view body, std::string_view reason);

Error missing_field(std::string_view field, std::string expected);
Error wrong_value(std::string_view field, std::string found, std::string expected);
/// With the nearest of the known names.
Error unknown_field(std::string_view field, std::span<const std::string_view> known);

}  // namespace galley::serving
