#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace galley::bench {

/// Greedy generation of `batch` sequences at once from prompts of one length.
struct Generation {
  std::uint32_t batch = 1;
  std::uint32_t prompt = 128;
  std::uint32_t generate = 64;
  std::uint32_t threads = 0;
};

struct GenerationSpeeds {
  double prefill_tok_s = 0;    // prompt tokens of all sequences, to the first token of each
  double decode_tok_s = 0;     // the tokens after the first
  double generated_tok_s = 0;  // all that were generated, over the whole time
};

/// Loads the model into the engine and generates once after a warm-up. Errors: those of ModelFile
/// and LanguageModel.
Result<GenerationSpeeds> generate_with_engine(const std::filesystem::path& model,
                                              const Generation& generation);

}  // namespace galley::bench
