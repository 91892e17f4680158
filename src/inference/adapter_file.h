#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "device_share.h"
#include "inference/safetensors.h"
#include "mapped_file.h"

namespace galley::inference {

/// A LoRA adapter (arXiv:2106.09685) as PEFT writes it: adapter_config.json and
/// adapter_model.safetensors in one folder. Every tensor is checked against the model's shapes.
class AdapterFile {
 public:
  /// Errors: not_found; corrupt; unsupported (another kind of adapter, a module that we do not
  /// adapt); invalid_argument (a shape that is not this model's: name, expected, found).
  static Result<AdapterFile> open(const std::filesystem::path& folder, const ModelConfig& config);

  /// Packs this device's part. Errors: those of Device::pack.
  Result<AdapterShare> load(const ModelConfig& config, DeviceShare& share) const;

 private:
  AdapterFile(MappedFile bytes, Safetensors tensors, float scale)
      : bytes_(std::move(bytes)), tensors_(std::move(tensors)), scale_(scale) {}

  MappedFile bytes_;
  Safetensors tensors_;
  float scale_;
};

}  // namespace galley::inference
