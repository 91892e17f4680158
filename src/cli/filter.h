#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::cli {

/// Parts of the filter language of lists (interfaces.md): `state in ("queued", "running")`.
/// Quotes and backslashes in values are escaped. Pure.
std::string filter_any_of(std::string_view field, const std::vector<std::string>& values);

/// All parts that are not empty, joined by `and`; a part that was written by a user stands in
/// parentheses, so that its `or` does not swallow the others.
std::string filter_all(const std::vector<std::string>& parts);

/// The words of `--state running,failed`. Errors: invalid_argument, with the nearest state.
Result<std::vector<std::string>> parse_states(std::string_view text);

}  // namespace galley::cli
