#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "training/adamw.h"
#include "training/language_options.h"

namespace galley::training {

/// Where a training was when it stopped: all that it needs to go on as if it had not.
struct LanguageCheckpoint {
  std::vector<float> parameters;
  AdamW::State optimizer;
  TrainingSpent spent;
  std::uint64_t windows = 0;  // dealt so far
  std::string training;       // fingerprint() of what it belongs to
};

/// A hash of all that must be the same to go on: texts, shape, batch and seed. Minutes, steps,
/// rates and threads may change.
std::string fingerprint(const LanguageOptions& options, const std::string& data_sha256);

/// One safetensors file, durable when this returns. Errors: those of writing.
Status save_checkpoint(const std::filesystem::path& path, const LanguageCheckpoint& checkpoint);

/// Errors: not_found; corrupt; conflict when it belongs to another training than `training`.
Result<LanguageCheckpoint> load_checkpoint(const std::filesystem::path& path,
                                           const DecoderLayout& layout,
                                           const std::string& training);

}  // namespace galley::training
