#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace galley::profiling {

struct TorchWork {
  std::uint32_t batch = 1;
  std::uint32_t prompt = 0;    // tokens read
  std::uint32_t generate = 0;  // tokens written
  std::uint32_t threads = 0;
};

struct TorchSpeeds {  // tokens a second
  double prompt = 0;
  double decode = 0;
  double generated = 0;  // over the whole request
};

/// One generation by libtorch's operations, one after the other, with kept keys and values:
/// `galley-train-torch lm-generate`, the program at `program`. `type` is f32 or bf16. Ended after
/// `patience`. Errors: not_found (the program is built only where libtorch is), unavailable (what
/// it said).
Result<TorchSpeeds> generate_with_torch(const std::filesystem::path& program,
                                        const std::filesystem::path& model, const std::string& type,
                                        const TorchWork& work, Millis patience);

}  // namespace galley::profiling
