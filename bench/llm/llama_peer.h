#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "llm/measured_model.h"

namespace galley::bench {

/// llama.cpp's own benchmarks (`llama-bench`, `llama-batched-bench` in `programs`) on the same file
/// and workload, with flash attention, its best setting. One measurement of each kind.
/// Errors: not_found (no such programs), unavailable (they failed: what they said last).
Result<LlmSpeeds> measure_llama(const std::filesystem::path& programs,
                                const std::filesystem::path& model, std::uint32_t threads,
                                const LlmWorkload& workload);

}  // namespace galley::bench
