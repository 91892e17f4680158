#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "llm_vs_torch/generation.h"

namespace galley::bench {

/// The same generation by libtorch's operations, one after the other, with kept keys and values:
/// `galley-train-torch lm-generate`. `type` is f32 or bf16.
/// Errors: not_found (it is built only where libtorch is), unavailable (what it said).
Result<GenerationSpeeds> generate_with_torch(const std::filesystem::path& programs,
                                             const std::filesystem::path& model,
                                             const std::string& type, const Generation& generation);

}  // namespace galley::bench
