#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace galley::inference {

/// One tensor of a safetensors file: its type as spelt there ("F32", "I8", "U64", ...), its shape,
/// and its row-major little-endian bytes, which belong to whoever owns the file's bytes.
struct TensorView {
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::string_view bytes;
};

/// A parsed safetensors file. A view: the bytes given to parse() must outlive it.
struct Safetensors {
  std::map<std::string, TensorView, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;

  /// Strict: the header must be an object of known fields, every tensor's length must equal
  /// shape x type, and the tensors must tile the data without gap or overlap.
  /// O(header); no tensor byte is read. Errors: corrupt, naming the tensor and the numbers.
  static Result<Safetensors> parse(std::string_view file);
};

/// A header larger than this is refused before it is parsed. Ours are under 1 KiB; the largest
/// public checkpoints stay below 4 MiB.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 16U << 20;

/// What a header says of a tensor.
struct TensorSize {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::uint64_t size_bytes = 0;
};

/// The bytes before the data, for tensors that follow each other in this order; padded so that the
/// data is 64-byte aligned.
std::string print_safetensors_header(
    std::span<const TensorSize> tensors,
    const std::map<std::string, std::string, std::less<>>& metadata);

/// The file's bytes, tensors in the order given, header padded so that the data is 64-byte aligned.
std::string print_safetensors(std::span<const std::pair<std::string, TensorView>> tensors,
                              const std::map<std::string, std::string, std::less<>>& metadata);

}  // namespace galley::inference
