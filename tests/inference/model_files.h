#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "inference/gguf.h"
#include "inference/model_file.h"

namespace galley::inference::testing {

std::string bytes_of(const std::filesystem::path& path);
void put_bytes(const std::filesystem::path& path, std::string_view bytes);

/// The file at `path` with its keys and tensors passed through `change`: false leaves one out, and
/// what is added to the writer in front comes first.
struct GgufEdit {
  std::function<void(GgufWriter&)> add = [](GgufWriter&) {};
  std::function<bool(std::string_view key)> keep_key = [](std::string_view) { return true; };
  /// May change name and shape; false leaves the tensor out.
  std::function<bool(std::string& name, std::vector<std::size_t>& shape)> keep_tensor =
      [](std::string&, std::vector<std::size_t>&) { return true; };
};
void edit_gguf(const std::filesystem::path& from, const GgufEdit& edit,
               const std::filesystem::path& to);

/// Writes the model as the Hugging Face folder that it would have been published as: f32 weights
/// under its names, q and k in halves, GPT-2's matrices turned; `shards` weights files. The
/// tokenizer goes along as tokenizer.gguf.
void write_hf_folder(const std::filesystem::path& gguf, const Json& config,
                     const std::filesystem::path& folder, std::size_t shards = 1);

/// The config.json of the tiny models of tiny_model.h.
Json tiny_llama_config();
Json tiny_gpt2_config();

/// All values of a tensor.
std::vector<float> values_of(const StoredTensor& tensor);
/// "…: message" of the error, "none" where the model opens.
std::string open_fault(const std::filesystem::path& path);

}  // namespace galley::inference::testing
