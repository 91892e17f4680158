#include "step_cost.h"

#include <algorithm>

namespace galley::serving {
namespace {

/// The p99 of the time between tokens is to stay within three times its median; half a step is left
/// for what the estimate misses.
constexpr double kLongestPause = 2.5;
/// Of a step's time that background rows may add to it: online latency may grow by a tenth.
constexpr double kBackgroundShare = 0.06;
/// Where even one row is more than that share: a row in so many steps, so that bulk work goes on.
constexpr double kLeastBackgroundRows = 1.0 / 32;
/// Weight of the newest step; the last dozen count.
constexpr double kNewest = 0.15;
/// Fewer prompt rows than this tell more about noise than about the cost of a row.
constexpr std::size_t kTellingRows = 16;
/// Chunks of prompts are cut to multiples of what the matrix kernels work on at once.
constexpr std::size_t kRowStep = 16;

void blend(double& mean, double value) {
  mean = mean == 0 ? value : mean + kNewest * (value - mean);
}

}  // namespace

void StepCost::record(const Step& step) {
  if (step.prompt_rows == 0 && step.decode_rows > 0) blend(decode_s_, step.took_s);
  if (step.prompt_rows >= kTellingRows) {
    const auto prompts_s = step.took_s - (step.decode_rows > 0 ? decode_s_ : 0);
    if (prompts_s > 0) blend(row_s_, prompts_s / static_cast<double>(step.prompt_rows));
  }
  const auto earned = row_s_ > 0 ? kBackgroundShare * decode_s_ / row_s_ : 1.0;
  background_credit_ += std::max(earned, kLeastBackgroundRows);
  background_credit_ = std::min(background_credit_, std::max(earned, 1.0));
  background_credit_ -= static_cast<double>(step.background_rows);
  background_credit_ = std::max(background_credit_, 0.0);
}

StepLimits StepCost::limits() const {
  StepLimits limits;
  if (decode_s_ > 0 && row_s_ > 0) {
    const auto rows = static_cast<std::size_t>((kLongestPause - 1) * decode_s_ / row_s_);
    limits.prompt_rows = std::max(kRowStep, rows - rows % kRowStep);
  }
  limits.background_rows = static_cast<std::size_t>(background_credit_);
  return limits;
}

}  // namespace galley::serving
