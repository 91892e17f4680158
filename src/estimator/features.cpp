#include "estimator/features.h"

#include <algorithm>
#include <cmath>

namespace galley::estimator {
namespace {

// Stand-ins for what a network does not tell; a fit scales them per network, so that only their
// proportions matter.
constexpr double kUnknownGflops = 1;
constexpr double kUnknownParametersM = 20;
constexpr double kUnknownActivationMb = 20;
constexpr double kUnknownLayers = 50;

constexpr double kLaunchSeconds = 2e-5;        // of a layer's kernels, one direction
constexpr double kInputSecondsPerItem = 1e-4;  // host work on an item
constexpr double kRoundSeconds = 1.5e-5;       // one hop of a ring
constexpr double kBucketMb = 25;               // gradients reduced at a time, DDP's default
constexpr double kNodeNetworkGbps = 12.5;

struct KnownNetwork {
  double gflops, parameters_m, activation_mb, layers;
};

double or_else(double value, double other) { return value > 0 ? value : other; }

KnownNetwork known_parts(const NetworkSpec& network) {
  return {or_else(network.forward_gflops, kUnknownGflops),
          or_else(network.parameters_m, kUnknownParametersM),
          or_else(network.activation_mb, kUnknownActivationMb),
          or_else(network.layers, kUnknownLayers)};
}

double fullest_of(const JobFeatures& job) {
  return job.fullest_node > 0 ? job.fullest_node : std::ceil(job.gpus / job.nodes);
}

double bytes_of_number(Precision precision) {
  return precision == Precision::fp32 || precision == Precision::tf32 ? 4 : 2;
}

double log_or(double value, double other) { return std::log(or_else(value, other)); }

/// Both directions of every link are counted in a data sheet; a ring uses one of them.
double link_bytes_per_s(const GpuSpec& gpu) {
  return std::max(gpu.link_gbps / 2, gpu.pcie_gbps * 0.6) * 1e9;
}

/// Layers shared by devices take that part of the time and an exchange of activations each; stages
/// of a pipeline work at the same time only as far as micro-batches fill it (GPipe, section 2.3).
void split_layers(const JobFeatures& job, StepTerms& terms) {
  auto& s = terms.seconds;
  const double parts = job.tensor_parallel * job.pipeline_parallel;
  if (parts <= 1) return;
  const double bubble = (job.micro_batches + job.pipeline_parallel - 1) / job.micro_batches;
  for (const StepTerm term : {compute, activations}) s[term] *= bubble / parts;
  s[weights] /= parts;
  s[launch] *= bubble / job.pipeline_parallel * job.micro_batches;
  if (job.tensor_parallel > 1)
    s[sync_node] += 0.1 * job.batch_per_gpu *
                    or_else(job.network.activation_mb, kUnknownActivationMb) * 1e6 /
                    link_bytes_per_s(job.gpu);
}

/// All-reduce of the gradients among replicas of the model.
void add_sync(const JobFeatures& job, double gradient_bytes, StepTerms& terms) {
  const double parts = job.tensor_parallel * job.pipeline_parallel;
  const double replicas = job.gpus / parts;
  if (replicas <= 1 || !job.training) return;
  auto& s = terms.seconds;
  gradient_bytes /= parts;
  const double share = std::max(fullest_of(job) / parts, 1.0);
  s[sync_node] += 2 * (share - 1) / share * gradient_bytes / link_bytes_per_s(job.gpu);
  const double wire = or_else(job.network_gbps, kNodeNetworkGbps) * 1e9;
  s[sync_network] = 2 * (job.nodes - 1) / job.nodes * gradient_bytes / wire;
  // The largest of n normal values lies about so many standard deviations above their mean.
  terms.lag = std::sqrt(std::log(replicas));
  s[sync_rounds] =
      2 * std::log2(replicas) * kRoundSeconds * std::max(1.0, gradient_bytes / 1e6 / kBucketMb);
}

}  // namespace

Status check(const JobFeatures& job) {
  const auto range = [](const char* field, double value, double least, double most) -> Status {
    if (std::isfinite(value) && value >= least && value <= most) return ok();
    return Error{.code = Errc::invalid_argument,
                 .message = std::string(field) + " is " + std::to_string(value),
                 .field = field,
                 .expected = "from " + std::to_string(least) + " to " + std::to_string(most)};
  };
  GALLEY_TRY_STATUS(range("gpus", job.gpus, 1, 1e6));
  GALLEY_TRY_STATUS(range("nodes", job.nodes, 1, job.gpus));
  GALLEY_TRY_STATUS(range("tensor_parallel", job.tensor_parallel, 1, job.gpus));
  GALLEY_TRY_STATUS(range("pipeline_parallel", job.pipeline_parallel, 1, job.gpus));
  GALLEY_TRY_STATUS(range("micro_batches", job.micro_batches, 1, 1e6));
  GALLEY_TRY_STATUS(range("batch_per_gpu", job.batch_per_gpu, 1e-6, 1e9));
  GALLEY_TRY_STATUS(range("network.forward_gflops", job.network.forward_gflops, 0, 1e12));
  GALLEY_TRY_STATUS(range("network.parameters_m", job.network.parameters_m, 0, 1e9));
  GALLEY_TRY_STATUS(range("network.activation_mb", job.network.activation_mb, 0, 1e12));
  GALLEY_TRY_STATUS(range("network.layers", job.network.layers, 0, 1e7));
  GALLEY_TRY_STATUS(range("loader_threads", job.loader_threads, 0, 1e5));
  GALLEY_TRY_STATUS(range("network_gbps", job.network_gbps, 0, 1e6));
  GALLEY_TRY_STATUS(range("gpu.fp16_tflops", job.gpu.fp16_tflops, 1e-3, 1e7));
  GALLEY_TRY_STATUS(range("gpu.fp32_tflops", job.gpu.fp32_tflops, 1e-3, 1e7));
  GALLEY_TRY_STATUS(range("gpu.bandwidth_gbps", job.gpu.bandwidth_gbps, 1e-3, 1e7));
  GALLEY_TRY_STATUS(range("gpu.memory_gb", job.gpu.memory_gb, 1e-3, 1e7));
  return ok();
}

StepTerms step_terms(const JobFeatures& job) {
  const auto network = known_parts(job.network);
  const double passes = job.training ? 3 : 1;  // backward costs twice forward
  const double bandwidth = job.gpu.bandwidth_gbps * 1e9;
  const double number_bytes = bytes_of_number(job.precision);
  StepTerms terms;
  auto& s = terms.seconds;
  s[compute] =
      job.batch_per_gpu * network.gflops * passes / (peak_tflops(job.gpu, job.precision) * 1e3);
  s[activations] =
      job.batch_per_gpu * network.activation_mb * 1e6 * (number_bytes / 4) * passes / bandwidth;
  // Read once forward; in training also backward, with gradients and two moments of the optimiser.
  s[weights] = network.parameters_m * 1e6 * (job.training ? 28 : number_bytes) / bandwidth;
  s[launch] = network.layers * kLaunchSeconds * passes;
  const double threads = std::max(job.loader_threads, 1.0);
  s[input] = job.batch_per_gpu * kInputSecondsPerItem / threads;
  split_layers(job, terms);
  add_sync(job, network.parameters_m * 1e6 * number_bytes, terms);
  return terms;
}

double roofline_s(const JobFeatures& job) {
  return job.network.forward_gflops > 0 ? step_terms(job).seconds[compute] : 0;
}

std::string_view to_string(FeatureNumber number) {
  constexpr std::array<std::string_view, FeatureRow::kNumbers> kNames{
      "batch_per_gpu",  "gpus",       "nodes",       "fullest_node",   "peak_tflops",
      "bandwidth",      "fp32",       "l2",          "link",           "memory",
      "forward_gflops", "parameters", "activations", "loader_threads", "intensity"};
  return kNames[number];
}

FeatureRow feature_row(const JobFeatures& job) {
  const auto network = known_parts(job.network);
  const double peak = peak_tflops(job.gpu, job.precision);
  FeatureRow row;
  auto& x = row.numbers;
  x[log_batch] = std::log(job.batch_per_gpu);
  x[log_gpus] = std::log(job.gpus);
  x[log_nodes] = std::log(job.nodes);
  x[log_fullest] = std::log(fullest_of(job));
  x[log_peak] = std::log(peak);
  x[log_bandwidth] = std::log(job.gpu.bandwidth_gbps);
  x[log_fp32] = std::log(job.gpu.fp32_tflops);
  x[log_l2] = log_or(job.gpu.l2_mb, 6);
  x[log_link] = std::log(std::max(job.gpu.link_gbps / 2, job.gpu.pcie_gbps));
  x[log_memory] = std::log(job.gpu.memory_gb);
  x[log_gflops] = std::log(network.gflops);
  x[log_parameters] = std::log(network.parameters_m);
  x[log_activations] = std::log(network.activation_mb);
  x[log_loaders] = std::log1p(job.loader_threads);
  x[log_intensity] =
      std::log(network.gflops / network.activation_mb) - x[log_peak] + x[log_bandwidth];
  row.categories[network_name] = job.network.name;
  row.categories[gpu_name] = job.gpu.name;
  row.categories[run_mode] =
      std::string(to_string(job.precision)) + (job.training ? " train" : " infer") +
      (job.variant.empty() ? "" : " " + job.variant) + (job.tensor_parallel > 1 ? " tp" : "") +
      (job.pipeline_parallel > 1 ? " pp" : "");
  row.categories[record_context] = job.context;
  return row;
}

}  // namespace galley::estimator
