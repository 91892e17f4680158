#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::estimator {

/// What a network costs per item (an image, a sequence, a token: whatever its batch counts). Zeros
/// mean unknown. A multiply and an add are two operations.
struct NetworkSpec {
  std::string name;
  double forward_gflops = 0;  // of one item
  double parameters_m = 0;    // millions, all of them
  double activation_mb = 0;   // kept for the backward pass, fp32, one item
  double layers = 0;          // with weights, in order: what launches kernels
};

/// Networks that people train by name.
std::span<const NetworkSpec> known_networks();

/// "ResNet-50", "resnet50", "bert_large_squad": letters and digits decide, case does not; a longer
/// name finds the longest known one that it begins with. Errors: not_found, with the nearest name.
Result<NetworkSpec> find_network(std::string_view name);

/// The shape of a transformer, as its config.json says it.
struct TransformerShape {
  double layers = 0;
  double hidden = 0;
  double feed_forward = 0;  // 0: 4 times hidden
  double heads = 0;
  double attention_width = 0;  // of all heads together; 0: hidden
  double vocabulary = 0;
  double sequence = 0;             // tokens of one item
  double gated = 0;                // matrices of the feed-forward block beyond two: 1 for SwiGLU
  double experts = 1;              // feed-forward blocks that hold weights
  double active_experts = 1;       // and those of them that a token passes
  double expert_layers_ratio = 1;  // of the layers that have experts
};

/// Counts a transformer's work: projections, attention products, feed-forward, output layer.
/// Errors: invalid_argument for sizes that are not above 0 or out of all proportion.
Result<NetworkSpec> transformer_network(std::string name, const TransformerShape& shape);

/// From the text of a Hugging Face config.json (BERT, GPT-2, OPT, Llama, Switch and their kin).
/// Errors: invalid_argument for what is no such file or lacks a size.
Result<NetworkSpec> network_from_config(std::string name, std::string_view config_json,
                                        double sequence);

}  // namespace galley::estimator
