#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace galley::bench {

struct ServedFigures {
  double first_token_s = 0;   // from the start of the process to one generated token in our hands
  double resident_bytes = 0;  // after a prompt and an answer of some hundred tokens
  double kv_bytes = 0;        // of that conversation
};

/// Starts `galley serve` on the model, asks it once, and ends it.
/// Errors: those of ServerProcess; unavailable (what the server answered).
Result<ServedFigures> measure_served(const std::filesystem::path& programs,
                                     const std::filesystem::path& model, std::uint32_t threads,
                                     double kv_bytes_per_token);

}  // namespace galley::bench
