#include "step_cost.h"

#include <algorithm>

#include "base/linear_system.h"

namespace galley::serving {
namespace {

/// The p99 of the time between tokens is to stay within three times its median; half a step is left
/// for what the estimate misses.
constexpr double kLongestPause = 2.5;
/// A prompt that can be read to its end in one step may make that step so many times as long: it
/// comes but once, and its own answer begins a few steps earlier.
constexpr double kPauseForAnswer = 6;
/// Of a step's time that background rows may add to it: online latency may grow by a tenth.
constexpr double kBackgroundShare = 0.06;
/// Where even one row is more than that share: a row in so many steps, so that bulk work goes on.
constexpr double kLeastBackgroundRows = 1.0 / 32;
/// What a step weighs beside the one after it: the last thirty count.
constexpr double kForgetting = 0.97;
/// What the newest steps do not tell (a term that did not come, terms that always came together)
/// stays as it was: the weight of the last costs beside the steps.
constexpr double kRidge = 1e-3;
/// Rows that weigh as much as a step in that.
constexpr double kDecodeUnit = 16;
constexpr double kPromptUnit = 64;
/// Fewer prompt rows than this tell more about noise than about the cost of a row.
constexpr std::size_t kTellingRows = 16;
/// A step that took so many times what was expected was held up by something else.
constexpr double kHeldUp = 4;
/// Chunks of prompts are cut to multiples of what the matrix kernels work on at once.
constexpr std::size_t kRowStep = 16;

}  // namespace

void StepCost::learn(const Step& step) {
  const Terms terms{1, static_cast<double>(step.decode_rows) / kDecodeUnit,
                    static_cast<double>(step.prompt_rows) / kPromptUnit};
  double took_s = step.took_s;
  double expected_s = 0;
  for (std::size_t i = 0; i < kTerms; ++i) expected_s += terms[i] * cost_s_[i];
  if (expected_s > 0) took_s = std::min(took_s, kHeldUp * expected_s);
  for (std::size_t i = 0; i < kTerms; ++i) {
    for (std::size_t j = 0; j < kTerms; ++j)
      squares_[i][j] = kForgetting * squares_[i][j] + terms[i] * terms[j];
    products_[i] = kForgetting * products_[i] + terms[i] * took_s;
  }
  auto matrix = squares_;
  auto right = products_;
  for (std::size_t i = 0; i < kTerms; ++i) {
    matrix[i][i] += kRidge * squares_[0][0];
    right[i] += kRidge * squares_[0][0] * cost_s_[i];
  }
  cost_s_ = solve_positive_definite(matrix, right);
  for (double& cost : cost_s_) cost = std::max(cost, 0.0);
}

double StepCost::decode_s() const {
  const auto rows = static_cast<double>(std::max<std::size_t>(decode_rows_, 1));
  return cost_s_[0] + cost_s_[1] * rows / kDecodeUnit;
}

double StepCost::prompt_row_s() const { return cost_s_[2] / kPromptUnit; }

void StepCost::record(const Step& step) {
  const bool is_telling = step.prompt_rows == 0 || step.prompt_rows >= kTellingRows;
  if (is_telling && step.prompt_rows + step.decode_rows > 0) learn(step);
  decode_rows_ = step.decode_rows;
  const auto earned = prompt_row_s() > 0 ? kBackgroundShare * decode_s() / prompt_row_s() : 1.0;
  background_credit_ += std::max(earned, kLeastBackgroundRows);
  background_credit_ = std::min(background_credit_, std::max(earned, 1.0));
  background_credit_ -= static_cast<double>(step.background_rows);
  background_credit_ = std::max(background_credit_, 0.0);
}

StepLimits StepCost::limits() const {
  StepLimits limits;
  if (decode_s() > 0 && prompt_row_s() > 0) {
    const double rows_a_step = decode_s() / prompt_row_s();
    const auto rows = static_cast<std::size_t>((kLongestPause - 1) * rows_a_step);
    limits.prompt_rows = std::max(kRowStep, rows - rows % kRowStep);
    limits.whole_prompt_rows = static_cast<std::size_t>((kPauseForAnswer - 1) * rows_a_step);
  }
  limits.background_rows = static_cast<std::size_t>(background_credit_);
  return limits;
}

}  // namespace galley::serving
