#include "job_forecast.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "estimator/advice.h"

namespace galley::estimates {
namespace {

constexpr double kPriorSpread = 0.25;  // of log(runtime) of runs of one command
constexpr double kPriorCount = 2;
constexpr double kNormal90 = 1.2816;  // quantiles of the normal distribution
constexpr double kNormal95 = 1.6449;

/// Student's t from the normal quantile (Cornish-Fisher; Abramowitz and Stegun 26.7.5).
double student(double z, double freedom) {
  const double z3 = z * z * z, z5 = z3 * z * z;
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom);
}

}  // namespace

std::optional<Quantiles> forecast_from_runs(std::span<const double> seconds) {
  std::vector<double> logs;
  for (const double one : seconds)
    if (one > 0) logs.push_back(std::log(one));
  if (logs.empty()) return std::nullopt;
  std::ranges::sort(logs);
  const double count = static_cast<double>(logs.size());
  const double middle = (logs[(logs.size() - 1) / 2] + logs[logs.size() / 2]) / 2;
  double squares = kPriorCount * kPriorSpread * kPriorSpread;
  for (const double one : logs) squares += (one - middle) * (one - middle);
  const double freedom = kPriorCount + count - 1;
  const double spread = std::sqrt(squares / freedom * (1 + 1 / count));
  const auto at = [&](double z) {
    return std::exp(middle + std::copysign(student(std::abs(z), freedom), z) * spread);
  };
  return Quantiles{at(-kNormal95), at(-kNormal90), std::exp(middle), at(kNormal90), at(kNormal95)};
}

std::optional<estimator::JobFeatures> features_at(const JobWork& work, const Place& place) {
  auto job = features_of(work);
  if (!job) return std::nullopt;
  job->gpu = place.gpu;
  job->gpus = place.gpus;
  job->nodes = place.nodes;
  if (work.global_batch > 0) job->batch_per_gpu = work.global_batch / place.gpus;
  if (!estimator::check(*job)) return std::nullopt;
  return job;
}

std::optional<Quantiles> forecast_from_model(const estimator::EstimatorModel& model,
                                             const JobWork& work, const Place& place) {
  const auto job = features_at(work, place);
  const double steps = steps_of(work, place.gpus);
  if (!job || !(steps > 0)) return std::nullopt;
  const auto estimate = estimator::predict(model, *job);
  if (!estimate) return std::nullopt;
  const estimator::Workload usual;
  const auto runtime = [&](double step_s) {
    return usual.startup_s + steps * step_s * (1 + usual.overhead_ratio);
  };
  return Quantiles{runtime(estimate->step_s_low), runtime(estimate->step_s_p10),
                   runtime(estimate->step_s), runtime(estimate->step_s_p90),
                   runtime(estimate->step_s_high)};
}

}  // namespace galley::estimates
