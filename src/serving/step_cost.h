#pragma once

#include <array>
#include <cstddef>

#include "batch_planner.h"

namespace galley::serving {

/// Learns from the times of past steps how many rows may run beside answers that are being written,
/// so that a long prompt makes their pause at most kLongestPause times a step without prompts, one
/// that is read to its end in that step kPauseForAnswer times, and background work makes it hardly
/// longer at all. A step takes a time of its own, and one for each row: least squares over the
/// newest steps, so that what a step without prompts takes is known also where none ever runs.
/// Pure.
class StepCost {
 public:
  struct Step {
    std::size_t prompt_rows = 0;
    std::size_t decode_rows = 0;  // drafts included
    std::size_t background_rows = 0;
    double took_s = 0;
  };
  void record(const Step& step);
  StepLimits limits() const;

 private:
  static constexpr std::size_t kTerms = 3;  // a step, a decoding row, a row of a prompt
  using Terms = std::array<double, kTerms>;
  void learn(const Step& step);
  /// A step with as many answers as the last one and without prompts.
  double decode_s() const;
  double prompt_row_s() const;

  std::array<Terms, kTerms> squares_{};  // sums of products of terms, the newest weigh most
  Terms products_{};                     // of terms and times
  Terms cost_s_{};
  std::size_t decode_rows_ = 0;  // of the last step
  double background_credit_ = 1;
};

}  // namespace galley::serving
