#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace galley::estimator {

/// What a point of a job's progress marks.
enum class ProgressKind : std::uint8_t {
  step,              // so many steps are done
  epoch_end,         // a pass over the data is done
  evaluation_begin,  // the time until evaluation_end is no training
  evaluation_end,
  checkpoint,  // one was just written
};

/// Percentiles of a quantity that is not known exactly.
struct Spread {
  double p10 = 0;
  double p50 = 0;
  double p90 = 0;
};

/// A point of the time series of epoch and iteration, from whatever source: the program's output,
/// TensorBoard files, or the API.
struct ProgressPoint {
  ProgressKind kind = ProgressKind::step;
  double at_s = 0;      // seconds since the job's start
  double progress = 0;  // steps done since the first epoch; fractions are welcome
};

}  // namespace galley::estimator
