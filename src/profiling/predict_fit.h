#pragma once

#include <span>
#include <vector>

#include "predict_terms.h"

/// Rates of the terms, fitted to studies of one machine.
namespace galley::profiling {

struct Fit {
  Terms rates{};  // seconds for each unit of a term; never negative
  /// Beside weights, keys and values, which are what they are: the process, and work space that is
  /// as wide as the model.
  double memory_base_bytes = 0, memory_per_width = 0;
  bool has_memory = false;
  /// Typical relative error of a row of the study nearest to the target, beside the fitted value.
  double time_scatter = 0, memory_scatter = 0;

  double seconds(const ModelShape& model, const PredictedLoad& load, double devices) const;
  double memory(const ModelShape& model, double kv_bytes) const;
};

/// Fits for a target of so many parameters: a study counts the more the nearer its size is, since
/// rates drift with size as weights outgrow one cache after another.
Fit fit_studies(std::span<const StudyRows* const> studies, double target_parameters);

/// Non-negative least squares: x >= 0 that minimises |a x − b|². Columns of a are scaled inside.
std::vector<double> non_negative_least_squares(const std::vector<std::vector<double>>& a,
                                               const std::vector<double>& b);

}  // namespace galley::profiling
