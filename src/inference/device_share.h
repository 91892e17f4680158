#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model_share.h"

namespace galley::inference {

/// Low-rank changes of one layer on one device, each pair null where the adapter leaves it alone.
struct AdapterLayer {
  struct Pair {
    std::unique_ptr<tensor::Matrix> down, up;
  };
  Pair q, k, v, o, gate, up, down;
};

struct AdapterShare {
  float scale = 1;
  std::vector<AdapterLayer> layers;
};

/// One device's part of a model: its weights, its heads' KV cache, and the tensors of a step.
struct DeviceShare {
  tensor::Device* device = nullptr;
  ShardPlan plan;
  ModelWeights weights;
  std::unique_ptr<tensor::KvCache> cache;
  std::vector<AdapterShare> adapters;  // index = AdapterIndex - 1

  tensor::Tensor x;        // the residual stream: [rows, width], the same on every device
  tensor::Tensor partial;  // what is summed over devices; made only where there are several
  tensor::Tensor q, k, v, attended, gate, up;
  tensor::Tensor last_x, last_attended;  // the rows whose logits are wanted
  tensor::Tensor logits;
};

/// Errors: exhausted.
Status make_step_tensors(DeviceShare& share, const ModelConfig& config, const LoadOptions& options,
                         bool several_devices);

}  // namespace galley::inference
