#pragma once

#include "estimator/features.h"

namespace galley::estimator {

/// What a job needs of each device's memory, 10^9 bytes.
struct MemoryNeed {
  double model_gb = 0;        // weights; in training also gradients and Adam's two moments
  double activations_gb = 0;  // kept for the backward pass
  double fixed_gb = 0;        // the driver's context, libraries, workspaces
  double total_gb = 0;
  double device_gb = 0;  // that it can have
};

enum class Fit { yes, tight, no, unknown };  // tight: within the estimate's error of the limit

/// Sixteen bytes a parameter train with Adam in fp32, in mixed precision too (copies in half
/// precision, gradients in half precision, fp32 master weights and moments); activations as the
/// network's specification says, halved in half precision. Allocators round up: a tenth is added.
MemoryNeed memory_need(const JobFeatures& job);

/// unknown where the network's parameters and activations are.
Fit memory_fit(const JobFeatures& job);

/// The largest batch of a device that still fits, at least 0. 0 items: even the model does not.
double largest_batch(const JobFeatures& job);

}  // namespace galley::estimator
