#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model_parts.h"
#include "tensor_writer.h"

namespace galley::inference {

/// How the rows of q and k are written, of a model that rotates them in the other order.
enum class PairOrder : std::uint8_t { keep, to_adjacent, to_halves };

/// A tensor of a model as another file will hold it: one or several stored ones below each other
/// (GPT-2's q, k and v as one), rows of q and k perhaps in another order.
struct WeightRows {
  std::string name;  // GGUF's
  std::vector<const StoredTensor*> parts;
  std::vector<std::size_t> shape;
  std::vector<std::uint32_t> order;  // source row (or element, of a vector); empty: as it is
};

/// All tensors, in the order of layers. `fuse_qkv` is GGUF's gpt2.
std::vector<WeightRows> weight_rows(const ModelParts& model, PairOrder order, bool fuse_qkv);

/// How to write it in `format`; `weights` and the model must outlive the plan.
PlannedTensor plan_of(const WeightRows& weights, tensor::Format format);

}  // namespace galley::inference
