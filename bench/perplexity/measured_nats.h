#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"
#include "inference/language_model.h"

namespace galley::bench {

struct MeasuredNats {
  double nats = 0;  // -ln of the probabilities that the model gave to the tokens that came
  std::size_t tokens = 0;

  double mean() const { return tokens > 0 ? nats / static_cast<double>(tokens) : 0; }
};

/// How surprised the model at `path` is by `streams`, tokens of its own vocabulary. Every token but
/// a stream's first is predicted once, from at least half a context where there are so many before
/// it. With activations f32 the products are exact to f32's rounding.
/// Errors: those of ModelFile and LanguageModel; unavailable (Ctrl-C).
Result<MeasuredNats> measure_nats(const std::filesystem::path& path,
                                  std::span<const std::vector<text::TokenId>> streams,
                                  tensor::Activation activation, std::uint32_t threads);

}  // namespace galley::bench
