#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/text.h"

namespace galley::tracking {

/// The input with the checksum that its bytes ask for (at 8..15, of all from 16 on), so that a
/// fuzzed chunk reaches the readers behind the check. At least 16 bytes.
inline std::string with_repaired_checksum(std::string_view bytes) {
  std::string repaired(bytes);
  const std::string digest = sha256_hex(bytes.substr(16)).substr(0, 16);
  for (std::size_t i = 0; i < 8; ++i)
    repaired[8 + i] = static_cast<char>(std::stoi(digest.substr(2 * i, 2), nullptr, 16));
  return repaired;
}

}  // namespace galley::tracking
