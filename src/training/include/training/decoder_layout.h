#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace galley::training {

/// The shape of a decoder of the Llama family: RMSNorm, rotary positions, SwiGLU, no biases, one
/// table for the tokens that go in and those that come out. The defaults are for ten minutes on two
/// cores; data/lm/README.md has the measurements behind them.
struct DecoderShape {
  std::uint32_t vocabulary = 4096;
  std::uint32_t width = 256;
  std::uint32_t layers = 3;
  std::uint32_t heads = 4;
  std::uint32_t kv_heads = 4;
  std::uint32_t feed_forward = 768;
  std::uint32_t context = 256;  // tokens, in training and after it
  float norm_epsilon = 1e-5F;
  float rope_theta = 10'000;

  std::uint32_t head_dim() const { return width / heads; }
  bool operator==(const DecoderShape&) const = default;
};

/// Errors: invalid_argument, naming the size and what it must be.
Status check(const DecoderShape& shape);

/// Where one parameter lies in the array that holds all of them.
struct ParameterSlot {
  std::string name;  // as Hugging Face's LlamaForCausalLM calls it
  std::vector<std::size_t> shape;
  std::size_t offset = 0;  // in floats
  std::size_t count = 0;
  bool decays = false;  // matrices do, the gains of norms do not
};

/// All parameters of a decoder as one array of floats, so that optimizer, checkpoint and export
/// need no tensor library. q, k and v of a layer are neighbours, and so are gate and up: each group
/// can be taken as one matrix.
class DecoderLayout {
 public:
  explicit DecoderLayout(const DecoderShape& shape);

  const DecoderShape& shape() const { return shape_; }
  const std::vector<ParameterSlot>& slots() const { return slots_; }
  std::size_t size() const { return size_; }  // in floats

  /// Normal with the deviation 1 / sqrt(columns), those that write into the residual stream smaller
  /// by sqrt(2 * layers); tokens 0.02; gains are 1. The same seed gives the same bits.
  std::vector<float> initial_parameters(std::uint64_t seed) const;

 private:
  void add(std::string name, std::vector<std::size_t> shape);

  DecoderShape shape_;
  std::vector<ParameterSlot> slots_;
  std::size_t size_ = 0;
};

}  // namespace galley::training
