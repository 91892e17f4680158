#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/model_config.h"
#include "tensor/device.h"
#include "text/tokenizer.h"

namespace galley::inference {

/// A tensor of a model file, in the file's bytes.
struct StoredTensor {
  tensor::Format format = tensor::Format::f32;
  std::vector<std::size_t> shape;  // outermost first: a linear layer is [rows (outputs), columns]
  const std::byte* bytes = nullptr;
  std::size_t size_bytes = 0;
  const float* scales = nullptr;  // of i8, one a row
};

/// A language model on disk: one GGUF file, or a Hugging Face folder (config.json, tokenizer.json,
/// one or many safetensors files). Tensors are named as in GGUF whichever it was
/// ("token_embd.weight", "blk.0.attn_q.weight", ...), and linear layers always are [outputs,
/// inputs]; GPT-2's fused and transposed ones of Hugging Face are cut and turned while reading.
///
/// Files are mapped, not read: opening takes milliseconds. Immutable; thread-safe.
class ModelFile {
 public:
  /// Errors: not_found; corrupt (truncated or hostile header, with offset and numbers); unsupported
  /// (architecture, tensor type, rope scaling: by name, with what is supported);
  /// invalid_argument (a missing tensor or a wrong shape: name, expected and found).
  static Result<ModelFile> open(const std::filesystem::path& path);
  ~ModelFile();
  ModelFile(ModelFile&&) noexcept;
  ModelFile& operator=(ModelFile&&) noexcept;

  const ModelConfig& config() const;
  const text::TokenizerSpec& tokenizer() const;
  const std::map<std::string, StoredTensor, std::less<>>& tensors() const;
  /// Null where the model has none ("output.weight" of tied embeddings, biases).
  const StoredTensor* find(std::string_view name) const;
  std::uint64_t file_bytes() const;  // of all weights' files
  /// The files that make it up, all in one folder: what a copy of the model needs.
  const std::vector<std::filesystem::path>& paths() const;
  std::string_view kind() const;  // "gguf" or "safetensors"
  /// Tells the system that this tensor's file pages are not needed any more: they leave our
  /// resident memory and stay in the page cache.
  void release(const StoredTensor& tensor) const;

 private:
  struct Impl;
  explicit ModelFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::inference
