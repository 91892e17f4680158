#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inference/model_file.h"
#include "tensor/device_group.h"

namespace galley::inference {

/// What one format takes of a model file.
struct FormatUse {
  tensor::Format format;
  std::size_t tensor_count = 0;
  std::uint64_t parameters = 0;
  std::uint64_t size_bytes = 0;
};
/// The formats of a file, the one with the most bytes first.
std::vector<FormatUse> formats_of(const ModelFile& file);

/// Which kernel would serve one kind of layer: "ffn_down", "q6_k", "q6_k x int8, avx512_vnni".
struct PlannedKernel {
  std::string operation;
  tensor::Format format;
  std::size_t tensor_count = 0;
  std::string kernel;
};
/// Asks the device by packing a few rows of one tensor of each kind and format; milliseconds.
/// Errors: those of Device::pack.
Result<std::vector<PlannedKernel>> kernels_of(const ModelFile& file, tensor::Device& device);

}  // namespace galley::inference
