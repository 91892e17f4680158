#pragma once

#include <cstddef>

#include "batch_planner.h"

namespace galley::serving {

/// Learns from the times of past steps how many rows may run beside answers that are being written,
/// so that a long prompt makes their pause at most kLongestPause times a step without prompts, and
/// background work makes it hardly longer at all. Pure.
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
  double decode_s_ = 0;  // a step without prompts; 0: none was seen
  double row_s_ = 0;     // what one more row adds
  double background_credit_ = 1;
};

}  // namespace galley::serving
