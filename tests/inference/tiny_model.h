#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "inference/model_file.h"

namespace galley::inference {

/// A transformer small enough to be run in f64, with random weights of a size that keeps every
/// layer's signal near 1, written as a GGUF file with a byte-level vocabulary.
struct TinyModel {
  std::string architecture = "llama";  // llama, qwen2, qwen3, gpt2
  std::size_t layers = 2;
  std::size_t width = 64;
  std::size_t heads = 4;
  std::size_t kv_heads = 2;
  std::size_t head_dim = 16;
  std::size_t feed_forward = 96;
  std::size_t vocabulary = 320;
  std::size_t context = 256;
  tensor::Format format = tensor::Format::f32;  // of the matrices
  bool tied = false;
  std::uint32_t seed = 1;
};

/// Writes it to `path`. Stops the test where that fails.
void write_tiny_model(const TinyModel& model, const std::filesystem::path& path);

}  // namespace galley::inference
