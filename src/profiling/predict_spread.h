#pragma once

#include <optional>
#include <span>
#include <vector>

#include "predict_fit.h"

namespace galley::profiling {

/// How wrong a fit was on a size that it had not seen.
struct SeenWrong {
  double time = 0;  // mean |predicted ÷ measured − 1|, kinds of rows weighing alike
  double worst_time = 0;
  std::optional<double> memory;  // none where memory was not measured
};
SeenWrong errors_on(const Fit& fit, const StudyRows& study);

/// A fit for one model and how far off it may be, as shares: an interval is value ÷ (1 + half) to
/// value · (1 + half).
struct Spread {
  Fit fit;
  double time_half = 0, memory_half = 0;
  /// What the fit without the largest studied model got wrong of it; none below two sizes.
  std::optional<SeenWrong> left_out;
};

/// The half widths hold the scatter of rows beside the fit, and what the fit without the largest
/// studied model got wrong of it, scaled by how much farther away the target is.
Spread spread_for(std::span<const StudyRows> studies, const ModelShape& target);

}  // namespace galley::profiling
