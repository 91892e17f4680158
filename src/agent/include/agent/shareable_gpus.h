#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::agent {

/// The GPUs of which an operator lets several jobs have parts. All others are exclusive.
struct ShareableGpus {
  bool all = false;
  std::vector<std::int64_t> indices;  // the driver's numbers, sorted
  bool holds(std::int64_t index) const;
  bool operator==(const ShareableGpus&) const = default;
};

/// Reads "all", "none", or numbers and ranges such as "0,1" and "0-3,6". Pure. Errors:
/// invalid_argument.
Result<ShareableGpus> parse_shareable_gpus(std::string_view text);

}  // namespace galley::agent
