#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"

namespace galley::inference {

/// How positions past those of the first training are brought within reach.
enum class RopeScaling : std::uint8_t {
  none,
  linear,  // every frequency divided by the factor (arXiv:2306.15595)
  yarn,    // high frequencies kept, low ones divided, between them a ramp (arXiv:2309.00071)
  llama3,  // the same idea with bounds on wavelengths, as published with Llama 3.1
};

/// The rotary positions of a model file.
struct RopeSettings {
  std::size_t rotated_dim = 0;
  double base = 10000;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1;
  double original_context = 0;  // of yarn and llama3
  double beta_fast = 32, beta_slow = 1;
  double low_frequency_factor = 1, high_frequency_factor = 4;
  double attention_scale = 1;
  std::vector<float> divisors;  // one a frequency (GGUF's rope_freqs); none where empty
};

/// YaRN's scale of attention for a factor, where the file states none: 0.1 ln(factor) + 1.
double yarn_attention_scale(double factor);

/// rotated_dim / 2 frequencies, scaling applied. Pure; sums in f64.
/// Errors: corrupt, for settings that give no finite positive numbers, naming them.
Result<std::vector<float>> rope_frequencies(const RopeSettings& settings);

/// Positions that the scaled model reaches, for `stated` ones in its file.
std::size_t scaled_context(const RopeSettings& settings, std::size_t stated);

}  // namespace galley::inference
