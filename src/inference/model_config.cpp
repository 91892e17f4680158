#include "inference/model_config.h"

namespace galley::inference {

std::size_t kv_bytes_per_token(const ModelConfig& config, tensor::KvFormat format) {
  std::size_t head_bytes = 0;
  switch (format) {
    case tensor::KvFormat::f32:
      head_bytes = config.head_dim * 4;
      break;
    case tensor::KvFormat::f16:
    case tensor::KvFormat::bf16:
      head_bytes = config.head_dim * 2;
      break;
    case tensor::KvFormat::int8:
      head_bytes = config.head_dim + sizeof(float);  // and the scale of this token's head
      break;
  }
  return 2 * config.layers * config.kv_heads * head_bytes;
}

}  // namespace galley::inference
