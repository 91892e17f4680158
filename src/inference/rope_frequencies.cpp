#include "rope_frequencies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace galley::inference {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

/// The dimension (pair index, as a real number) whose wave turns `rotations` times in the original
/// context.
double yarn_dimension(const RopeSettings& settings, double rotations) {
  return static_cast<double>(settings.rotated_dim) *
         std::log(settings.original_context / (rotations * kTurn)) / (2 * std::log(settings.base));
}

/// The share of the divided frequency at each pair: 0 below the ramp, 1 above.
double yarn_share(const RopeSettings& settings, std::size_t pair) {
  const double low = std::max(0.0, std::floor(yarn_dimension(settings, settings.beta_fast)));
  const double high = std::min(static_cast<double>(settings.rotated_dim) - 1,
                               std::ceil(yarn_dimension(settings, settings.beta_slow)));
  const double width = std::max(0.001, high - low);
  return std::clamp((static_cast<double>(pair) - low) / width, 0.0, 1.0);
}

double llama3_share(const RopeSettings& settings, double frequency) {
  const double turns = settings.original_context * frequency / kTurn;
  const double kept = (turns - settings.low_frequency_factor) /
                      (settings.high_frequency_factor - settings.low_frequency_factor);
  return 1 - std::clamp(kept, 0.0, 1.0);
}

Error bad_scaling(const std::string& what) {
  return {Errc::corrupt, "the rotary positions are unusable: " + what};
}

Status check(const RopeSettings& settings) {
  if (settings.rotated_dim == 0 || settings.rotated_dim % 2 != 0)
    return bad_scaling(fmt::format("{} rotated dimensions", settings.rotated_dim));
  if (!std::isfinite(settings.base) || settings.base <= 1)
    return bad_scaling(fmt::format("a base of {}", settings.base));
  if (!std::isfinite(settings.factor) || settings.factor <= 0)
    return bad_scaling(fmt::format("a scaling factor of {}", settings.factor));
  if (!std::isfinite(settings.attention_scale) || settings.attention_scale <= 0)
    return bad_scaling(fmt::format("an attention scale of {}", settings.attention_scale));
  const bool needs_original =
      settings.scaling == RopeScaling::yarn || settings.scaling == RopeScaling::llama3;
  if (needs_original &&
      !(std::isfinite(settings.original_context) && settings.original_context >= 1))
    return bad_scaling(fmt::format("an original context of {}", settings.original_context));
  if (settings.scaling == RopeScaling::yarn &&
      !(settings.beta_slow > 0 && settings.beta_fast > settings.beta_slow &&
        std::isfinite(settings.beta_fast)))
    return bad_scaling(
        fmt::format("beta_fast {} and beta_slow {}", settings.beta_fast, settings.beta_slow));
  if (settings.scaling == RopeScaling::llama3 &&
      !(settings.low_frequency_factor > 0 && std::isfinite(settings.high_frequency_factor) &&
        settings.high_frequency_factor > settings.low_frequency_factor))
    return bad_scaling(fmt::format("low_freq_factor {} and high_freq_factor {}",
                                   settings.low_frequency_factor, settings.high_frequency_factor));
  if (!settings.divisors.empty() && settings.divisors.size() != settings.rotated_dim / 2)
    return bad_scaling(fmt::format("{} divisors for {} frequencies", settings.divisors.size(),
                                   settings.rotated_dim / 2));
  return ok();
}

}  // namespace

double yarn_attention_scale(double factor) {
  return factor <= 1 ? 1.0 : 0.1 * std::log(factor) + 1;
}

Result<std::vector<float>> rope_frequencies(const RopeSettings& settings) {
  GALLEY_TRY_STATUS(check(settings));
  std::vector<float> frequencies(settings.rotated_dim / 2);
  for (std::size_t pair = 0; pair < frequencies.size(); ++pair) {
    double frequency = std::pow(
        settings.base, -2 * static_cast<double>(pair) / static_cast<double>(settings.rotated_dim));
    double share = 0;
    switch (settings.scaling) {
      case RopeScaling::none:
        break;
      case RopeScaling::linear:
        share = 1;
        break;
      case RopeScaling::yarn:
        share = yarn_share(settings, pair);
        break;
      case RopeScaling::llama3:
        share = llama3_share(settings, frequency);
        break;
    }
    if (!settings.divisors.empty()) frequency /= static_cast<double>(settings.divisors[pair]);
    frequencies[pair] =
        static_cast<float>(frequency * (1 - share) + frequency / settings.factor * share);
    if (!std::isfinite(frequencies[pair]) || frequencies[pair] <= 0)
      return bad_scaling(fmt::format("frequency {} is {}", pair, frequencies[pair]));
  }
  return frequencies;
}

std::size_t scaled_context(const RopeSettings& settings, std::size_t stated) {
  constexpr double kMost = 1U << 30U;
  double reach = static_cast<double>(stated);
  if (settings.scaling == RopeScaling::linear) reach *= settings.factor;
  if (settings.scaling == RopeScaling::yarn)
    reach = std::max(reach, settings.original_context * settings.factor);
  return static_cast<std::size_t>(std::clamp(reach, 1.0, kMost));
}

}  // namespace galley::inference
