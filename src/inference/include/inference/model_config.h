#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/device.h"

namespace galley::inference {

enum class PositionKind : std::uint8_t { rope, learned };
enum class FeedForward : std::uint8_t { swiglu, gelu, gelu_erf };

/// The shape of a decoder-only transformer: enough for the Llama family (Llama 1-3, Mistral,
/// TinyLlama, Qwen2, Qwen3) and the GPT-2/GPT-3 family.
struct ModelConfig {
  std::string architecture;  // as the file says: "llama", "qwen2", "gpt2", ...
  std::string name;
  std::size_t layers = 0;
  std::size_t width = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  std::size_t feed_forward = 0;
  std::size_t vocabulary = 0;
  std::size_t context = 0;  // positions the model was trained for, after scaling

  tensor::NormKind norm = tensor::NormKind::rms;
  float norm_epsilon = 1e-5F;
  FeedForward activation = FeedForward::swiglu;
  bool qk_norm = false;  // Qwen3: RMSNorm on each head of q and k
  std::uint32_t sliding_window = 0;

  PositionKind positions = PositionKind::rope;
  std::size_t rotated_dim = 0;
  bool adjacent_pairs = false;             // GGUF's "llama" order
  std::vector<float> inverse_frequencies;  // rotated_dim / 2, scaling applied
  float rope_attention_scale = 1;

  std::size_t parameters = 0;  // counted over the tensors of the file
};

/// Bytes of KV cache that one token takes: 2 * layers * kv_heads * head_dim values.
std::size_t kv_bytes_per_token(const ModelConfig& config, tensor::KvFormat format);

}  // namespace galley::inference
