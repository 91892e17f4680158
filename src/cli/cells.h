#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace galley::cli {

/// "4xA100:8" is four cells of eight A100 each, "2x4" two of four GPUs of any type: a guarantee of
/// a team as the API takes it. Errors: invalid_argument.
Result<Json> parse_cells(const std::string& text);

/// The same the other way.
std::string cells_text(const Json& guarantee);

}  // namespace galley::cli
