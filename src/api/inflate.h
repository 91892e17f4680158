#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::api {

/// What a gzip file holds. Errors: corrupt.
Result<std::string> inflate_gzip(std::string_view bytes);

}  // namespace galley::api
