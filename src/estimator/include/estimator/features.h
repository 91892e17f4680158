#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/result.h"
#include "estimator/gpu_specs.h"
#include "estimator/networks.h"

namespace galley::estimator {

/// What is known of a job before it runs, as far as it decides how long a step takes. Zeros mean
/// unknown. A step is one optimiser step (or one forward pass, when it does not train) of all GPUs.
struct JobFeatures {
  NetworkSpec network;
  GpuSpec gpu;
  double gpus = 1;
  double nodes = 1;
  double fullest_node = 0;   // GPUs used on the node that gives most; 0: gpus / nodes
  double network_gbps = 0;   // GB/s of a node's network, one direction; 0: 12.5
  double batch_per_gpu = 1;  // items
  Precision precision = Precision::fp32;
  bool training = true;
  double loader_threads = 0;     // of a GPU
  double tensor_parallel = 1;    // devices that share every layer
  double pipeline_parallel = 1;  // devices that hold one stage each
  double micro_batches = 1;      // that a pipeline works on at a time
  std::string variant{};         // how it runs beyond that: "fusion"; "" is plain
  std::string context{};         // cluster or software that a record comes from; "" is none
};

/// One finished measurement.
struct Observation {
  JobFeatures job;
  double step_s = 0;
};

/// Errors: invalid_argument with the field that is out of range.
Status check(const JobFeatures& job);

/// Times of a step's parts if each ran at its data sheet's peak, seconds. What a fit finds is how
/// far above 1 each factor lies. Sums of rings follow the usual 2 (n - 1) / n all-reduce.
struct StepTerms {
  static constexpr std::size_t kCount = 8;
  // compute, memory traffic of activations, of weights, launches of kernels, input of items,
  // all-reduce within a node, all-reduce between nodes, latency of an all-reduce's rounds.
  std::array<double, kCount> seconds{};
  double lag = 0;  // how far the slowest replica lies behind, in spreads of a replica's step
};
enum StepTerm {
  compute,
  activations,
  weights,
  launch,
  input,
  sync_node,
  sync_network,
  sync_rounds
};

StepTerms step_terms(const JobFeatures& job);

/// No step can be shorter: the network's operations at the devices' peak. 0 when they are unknown.
double roofline_s(const JobFeatures& job);

/// A job as numbers and categories, for the models that learn what the physics leaves.
struct FeatureRow {
  static constexpr std::size_t kNumbers = 15;
  static constexpr std::size_t kCategories = 4;
  std::array<double, kNumbers> numbers{};  // logarithms
  std::array<std::string, kCategories> categories{};
};
enum FeatureNumber {
  log_batch,
  log_gpus,
  log_nodes,
  log_fullest,
  log_peak,
  log_bandwidth,
  log_fp32,
  log_l2,
  log_link,
  log_memory,
  log_gflops,
  log_parameters,
  log_activations,
  log_loaders,
  log_intensity  // operations of a byte of activations, against the device's balance
};
enum FeatureCategory { network_name, gpu_name, run_mode, record_context };

std::string_view to_string(FeatureNumber number);

FeatureRow feature_row(const JobFeatures& job);

}  // namespace galley::estimator
