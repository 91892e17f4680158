#pragma once

#include <optional>
#include <span>

#include "estimator/model.h"
#include "forecast_rows.h"
#include "job_words.h"

namespace galley::estimates {

/// Of a job's next run, from what runs like it took: the median, and quantiles of Student's t on
/// logarithms, with a prior spread so that one run is not taken for certain. Empty without any.
std::optional<Quantiles> forecast_from_runs(std::span<const double> seconds);

/// Where a job runs, or is likely to.
struct Place {
  estimator::GpuSpec gpu;
  double gpus = 1;
  double nodes = 1;
};

/// A job's features on that place; nothing where the job does not say enough.
std::optional<estimator::JobFeatures> features_at(const JobWork& work, const Place& place);

/// From the estimator: start-up, all steps, and a share for evaluation and checkpoints, as
/// estimator::Workload has them. Nothing where the job does not say how long it is.
std::optional<Quantiles> forecast_from_model(const estimator::EstimatorModel& model,
                                             const JobWork& work, const Place& place);

}  // namespace galley::estimates
