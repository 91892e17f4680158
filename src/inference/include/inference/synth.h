#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inference/quantize.h"

namespace galley::inference {

/// The shape of a model made of random weights, for measuring speed and memory.
struct SynthShape {
  std::string architecture = "llama";  // or "gpt2"
  std::string name;
  std::size_t layers = 0;
  std::size_t width = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;  // gpt2: as heads
  std::size_t feed_forward = 0;
  std::size_t context = 0;
  std::size_t vocabulary = 0;  // at least 320; a vocabulary file's own size wins
};

/// "15m", "125m", "350m", "1.1b" (TinyLlama's shape), "3b", "gpt2-125m".
std::optional<SynthShape> synth_preset(std::string_view name);
std::vector<std::string> synth_preset_names();

struct SynthOptions {
  QuantMix mix = QuantMix::f16;  // not i8
  std::uint64_t seed = 1;
  std::filesystem::path
      vocabulary{};  // a GGUF file whose tokenizer is taken; empty: one is made up
  WriteOptions write{};
};

/// Writes a GGUF file that any engine loads. Weights are normal around 0, of a deviation that keeps
/// activations finite through all layers (0.02, less where a block adds to its input); a weight
/// depends on the seed and its place alone, so equal arguments give equal bytes whatever the
/// threads.
/// Errors: invalid_argument (a shape that contradicts itself, i8), those of reading the vocabulary
/// and of writing.
Result<WrittenModel> synthesize(const SynthShape& shape, const SynthOptions& options,
                                const std::filesystem::path& out);

}  // namespace galley::inference
