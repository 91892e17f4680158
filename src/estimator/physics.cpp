#include "estimator/physics.h"

#include <algorithm>
#include <cmath>

namespace galley::estimator {

std::string physics_key(const JobFeatures& job, bool with_mode) {
  std::string key = job.network.name;
  if (with_mode) {
    key += '|';
    key += to_string(job.precision);
    if (!job.training) key += " infer";
    key += ' ';
    key += job.variant;
  }
  return key;
}

std::string probed_key(const JobFeatures& job) {
  return job.network.name + kProbedOn + job.gpu.name;
}

const PhysicsModel::Factors& factors_of(const PhysicsModel& model, const JobFeatures& job) {
  const auto& known = model.of_network;
  if (const auto found = known.find(physics_key(job, true)); found != known.end())
    return found->second;
  const auto of_network = known.find(job.network.name);
  if (of_network == known.end()) return model.pooled;
  const auto probed = known.find(probed_key(job));
  return probed == known.end() ? of_network->second : probed->second;
}

double combined_s(const PhysicsModel::Factors& factors, const StepTerms& terms) {
  double computing = 1e-9;
  double synchronising = 0;
  for (std::size_t i = 0; i < StepTerms::kCount; ++i)
    (i < sync_node ? computing : synchronising) += factors[i] * terms.seconds[i];
  computing *= 1 + factors[PhysicsModel::kLag] * terms.lag;
  if (synchronising <= 0) return computing;
  const double longer = std::max(computing, synchronising);
  const double shorter = std::min(computing, synchronising);
  const double power = 1 + factors[PhysicsModel::kOverlap];
  return longer * std::pow(1 + std::pow(shorter / longer, power), 1 / power);
}

PhysicsStep physics_step(const PhysicsModel& model, const JobFeatures& job) {
  const auto& factors = factors_of(model, job);
  PhysicsStep step{.parts = step_terms(job)};
  if (job.network.forward_gflops > 0) {
    const auto found = model.bound_ratio.find(job.network.name);
    step.bound_s =
        step.parts.seconds[compute] * (found == model.bound_ratio.end() ? 1 : found->second);
  }
  // A microsecond keeps logarithms finite where every factor is 0.
  step.step_s = std::max({combined_s(factors, step.parts), step.bound_s, 1e-6});
  double computing = 0;
  for (std::size_t i = 0; i < StepTerms::kCount; ++i) {
    step.parts.seconds[i] *= factors[i];
    if (i < sync_node) computing += step.parts.seconds[i];
  }
  step.parts.seconds[sync_rounds] += computing * factors[PhysicsModel::kLag] * step.parts.lag;
  return step;
}

double physics_step_s(const PhysicsModel& model, const JobFeatures& job) {
  return physics_step(model, job).step_s;
}

}  // namespace galley::estimator
