#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::openai {

/// One part of a multipart/form-data body; views into the body.
struct Part {
  std::string_view name;
  std::string_view file_name;  // empty: not a file
  std::string_view content;
};

inline constexpr std::size_t kMaxParts = 32;

/// RFC 7578. Errors: invalid_argument (no boundary in the content type, a part without a name, a
/// body that ends in the middle, more than kMaxParts).
Result<std::vector<Part>> parse_multipart(std::string_view content_type, std::string_view body);

}  // namespace galley::openai
