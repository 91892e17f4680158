#pragma once

#include <filesystem>

#include "inference/quantize.h"
#include "model_parts.h"

namespace galley::inference {

/// Writes `out`/model.safetensors with int8 matrices and a scale a row, config.json and the
/// tokenizer's files. `in` is where the model was read from.
Result<WrittenModel> quantize_to_folder(const ModelParts& model, const std::filesystem::path& in,
                                        const std::filesystem::path& out,
                                        const WriteOptions& options);

}  // namespace galley::inference
