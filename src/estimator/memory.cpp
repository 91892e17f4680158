#include "estimator/memory.h"

#include <algorithm>
#include <cmath>

namespace galley::estimator {
namespace {

constexpr double kContextGb = 1.1;
constexpr double kUsableRatio = 0.96;  // drivers keep some
constexpr double kRounding = 1.1;
// Estimates of activations are off by a fifth now and then: frameworks fuse, or keep more.
constexpr double kTightFrom = 0.85;
constexpr double kTightTo = 1.25;

bool half_numbers(Precision precision) {
  return precision != Precision::fp32 && precision != Precision::tf32;
}

}  // namespace

MemoryNeed memory_need(const JobFeatures& job) {
  MemoryNeed need;
  const double number = half_numbers(job.precision) ? 2 : 4;
  const double of_parameter = job.training ? 16 : number;
  need.model_gb = job.network.parameters_m * 1e6 * of_parameter / 1e9;
  // A forward pass keeps about the two largest layers at a time.
  const double kept = job.training ? 1 : 2 / std::max(job.network.layers, 2.0);
  need.activations_gb =
      job.batch_per_gpu * job.network.activation_mb * 1e6 * (number / 4) * kept / 1e9;
  need.fixed_gb = kContextGb;
  need.total_gb = (need.model_gb + need.activations_gb) * kRounding + need.fixed_gb;
  need.device_gb = job.gpu.memory_gb * kUsableRatio;
  return need;
}

Fit memory_fit(const JobFeatures& job) {
  if (job.network.parameters_m <= 0 || job.network.activation_mb <= 0) return Fit::unknown;
  const auto need = memory_need(job);
  const double ratio = need.total_gb / need.device_gb;
  if (ratio <= kTightFrom) return Fit::yes;
  return ratio <= kTightTo ? Fit::tight : Fit::no;
}

double largest_batch(const JobFeatures& job) {
  JobFeatures one = job;
  one.batch_per_gpu = 1;
  const auto need = memory_need(one);
  const double room = (need.device_gb - need.fixed_gb) / kRounding - need.model_gb;
  if (room <= 0 || need.activations_gb <= 0) return 0;
  return std::floor(room / need.activations_gb);
}

}  // namespace galley::estimator
