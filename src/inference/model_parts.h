#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "inference/gguf.h"
#include "inference/model_file.h"
#include "mapped_file.h"
#include "rope_frequencies.h"

namespace galley::inference {

using TensorMap = std::map<std::string, StoredTensor, std::less<>>;

/// All that was read from a model's files, whichever kind they are.
struct ModelParts {
  std::string_view kind;
  ModelConfig config;
  RopeSettings rope;
  std::size_t stated_context = 0;  // before scaling
  text::TokenizerSpec tokenizer;
  TensorMap tensors;
  std::vector<MappedFile> files;
  std::vector<Gguf> ggufs;                    // one a part; empty for a folder
  std::vector<std::vector<std::byte>> owned;  // what had to be turned or aligned
  std::uint64_t file_bytes = 0;
  std::vector<std::filesystem::path> paths;
};

/// `path` is a file or a folder, as ModelFile::open takes it.
Result<ModelParts> read_model(const std::filesystem::path& path);
Result<ModelParts> read_gguf_model(const std::filesystem::path& first_part);
Result<ModelParts> read_folder_model(const std::filesystem::path& folder);

/// The parts of a split file, in order, when `path` is one of them; else `path` alone.
Result<std::vector<std::filesystem::path>> gguf_parts(const std::filesystem::path& path);

/// Replaces each blk.N.attn_qkv by three views into it. Errors: invalid_argument, unsupported.
Status cut_fused(const ModelConfig& config, TensorMap& tensors);

/// Fills in the frequencies and the context that follow from `rope`. Errors: corrupt.
Status apply_rope(const RopeSettings& rope, std::size_t stated_context, ModelConfig& config);

/// The values of rope_freqs.weight; none where the file has no such tensor. Errors:
/// invalid_argument (another shape than [rotated_dim / 2]).
Result<std::vector<float>> rope_divisors(const TensorMap& tensors, std::size_t rotated_dim);

/// Checks that the numbers agree with each other and lie within what the engine takes.
/// Errors: invalid_argument, unsupported (naming the number and the limit).
Status check_config(const ModelConfig& config);

/// Checks every tensor against what the architecture needs, removes nothing, and counts
/// config.parameters. Errors: invalid_argument "tensor 'x' is missing / has shape …, not …";
/// unsupported for a tensor that this architecture has no place for.
Status check_tensors(const TensorMap& tensors, ModelConfig& config);

/// "[32000, 2048]".
std::string shape_text(const std::vector<std::size_t>& shape);

}  // namespace galley::inference
