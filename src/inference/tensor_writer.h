#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "inference/gguf.h"
#include "inference/quantize.h"
#include "output_file.h"

namespace galley::inference {

/// One tensor of a file that is being made: [rows, columns], at `offset` of the file.
struct PlannedTensor {
  std::string name;  // for messages
  tensor::Format format = tensor::Format::f32;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::uint64_t offset = 0;
  std::uint64_t scales_offset = 0;  // of i8
  /// Fills one row; called from any thread.
  std::function<void(std::size_t row, std::span<float> values)> values{};
  /// The row where it is in this format already; then `values` is not asked.
  std::function<const std::byte*(std::size_t row)> stored{};
};

/// Converts and writes all rows on options.threads. Errors: as quantize().
Status write_tensors(const OutputFile& file, std::span<const PlannedTensor> tensors,
                     const WriteOptions& options);

/// A whole GGUF file: the writer's header and these tensors, which were added to it in this order.
/// Sets their offsets. Returns the file's size.
Result<std::uint64_t> write_gguf(const std::filesystem::path& path, const GgufWriter& writer,
                                 std::span<PlannedTensor> tensors, const WriteOptions& options);

}  // namespace galley::inference
