#pragma once

#include <vector>

#include "estimator/progress.h"
#include "eta_data.h"

namespace galley::bench {

/// What a step of each run would have been expected to take before it ran, from the other runs:
/// log(step) = program and precision + machine, fitted by alternating means, without the runs of
/// this program and precision on this machine; then four fifths of what the program's other
/// precision on the machine lay off that, or else of what runs of as many steps did. The spread is
/// that of the same expectation's errors on other GPU types' runs of the program.
std::vector<estimator::Spread> expect_steps(const std::vector<RecordedRun>& runs);

}  // namespace galley::bench
