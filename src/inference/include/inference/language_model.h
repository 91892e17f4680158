#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "inference/model_config.h"
#include "inference/model_file.h"
#include "tensor/device_group.h"

namespace galley::inference {

/// Adapters loaded over one model; 0 is the model itself.
using AdapterIndex = std::uint32_t;

/// What one sequence does in a step: `tokens` stand at consecutive positions from `first_position`,
/// their KV goes into `pages` (from position 0, reaching past the last token).
struct ForwardSequence {
  std::span<const text::TokenId> tokens;
  std::uint32_t first_position = 0;
  std::span<const std::uint32_t> pages;
  /// How many of the last tokens' logits are wanted: 0 in the middle of a prompt, 1 to sample, all
  /// for a draft's check or prompt logprobs.
  std::uint32_t logit_rows = 0;
  AdapterIndex adapter = 0;
};

/// What the engine needs of a model; a test's twin is a function of tokens and positions.
///
/// A row of logits depends on its own sequence alone, bit for bit. One thread at a time.
class ForwardModel {
 public:
  virtual ~ForwardModel() = default;
  virtual std::size_t vocabulary() const = 0;
  virtual std::size_t context() const = 0;
  virtual std::size_t page_count() const = 0;
  virtual std::size_t max_rows() const = 0;        // of one step, all sequences together
  virtual std::size_t max_logit_rows() const = 0;  // of one step
  virtual std::size_t page_bytes() const = 0;      // of KV cache, all devices
  virtual std::size_t adapter_count() const = 0;   // indices 1 to this may stand in a sequence

  /// Runs one step. `logits` is [sum of logit_rows, vocabulary], rows in the order of sequences.
  virtual void forward(std::span<const ForwardSequence> sequences, std::span<float> logits) = 0;
  /// The last hidden states (after the final norm) of every token: [sum of tokens, width].
  virtual void embed(std::span<const ForwardSequence> sequences, std::span<float> hidden) = 0;
  virtual std::size_t width() const = 0;

  virtual void copy_page(std::uint32_t from, std::uint32_t to) = 0;
  virtual void read_page(std::uint32_t page, std::span<std::byte> out) const = 0;
  virtual void write_page(std::uint32_t page, std::span<const std::byte> bytes) = 0;
};

struct LoadOptions {
  tensor::KvFormat kv_format = tensor::KvFormat::f16;
  std::size_t kv_tokens = 0;        // KV to reserve; 0: kv_memory_bytes decides
  std::size_t kv_memory_bytes = 0;  // 0: a quarter of the memory that is free, at most 16 contexts
  std::size_t max_rows = 512;
  std::size_t max_logit_rows = 64;
  /// Activations of quantised weights, bf16 ones take bf16; f32 is the reference, and slow.
  tensor::Activation activation = tensor::Activation::int8;
};

/// A transformer of the Llama or GPT-2 family on a group of devices.
class LanguageModel : public ForwardModel {
 public:
  /// Packs the weights and reserves KV and work space. `file` is needed only while this runs;
  /// `devices` must outlive the model. `progress` is told the share that is done, 0 to 1.
  /// Errors: those of Device::pack; exhausted naming what did not fit and in how many bytes;
  /// invalid_argument (heads that cannot be split over so many devices).
  static Result<std::unique_ptr<LanguageModel>> load(
      const ModelFile& file, tensor::DeviceGroup& devices, const LoadOptions& options,
      const std::function<void(double)>& progress = {});

  virtual const ModelConfig& config() const = 0;
  /// A PEFT folder (adapter_config.json, adapter_model.safetensors). Errors: not_found, corrupt,
  /// invalid_argument (a module or a shape that this model has not).
  virtual Result<AdapterIndex> load_adapter(const std::filesystem::path& folder) = 0;

  struct Memory {
    std::size_t weight_bytes = 0;  // packed, all devices
    std::size_t kv_bytes = 0;
    std::size_t work_bytes = 0;
    std::vector<std::size_t> device_bytes;  // weights and KV of each device
  };
  virtual Memory memory() const = 0;

  /// "attn_q": "q4_0 x int8, avx512_vnni"; one entry for each kind of layer that differs.
  struct KernelUse {
    std::string operation;
    std::string kernel;
  };
  virtual std::vector<KernelUse> kernels() const = 0;
};

}  // namespace galley::inference
