#include "inference/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "base/json.h"

namespace galley::inference {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kDataAlignment = 64;
constexpr std::size_t kMaxDimensions = 8;

struct Dtype {
  std::string_view name;
  std::uint64_t size_bytes;
};
constexpr std::array kDtypes{
    Dtype{"BOOL", 1}, Dtype{"U8", 1},  Dtype{"I8", 1},  Dtype{"F8_E4M3", 1}, Dtype{"F8_E5M2", 1},
    Dtype{"U16", 2},  Dtype{"I16", 2}, Dtype{"F16", 2}, Dtype{"BF16", 2},    Dtype{"U32", 4},
    Dtype{"I32", 4},  Dtype{"F32", 4}, Dtype{"U64", 8}, Dtype{"I64", 8},     Dtype{"F64", 8}};

Error safetensors_corrupt(std::string message) {
  return {Errc::corrupt, "safetensors: " + std::move(message)};
}

std::uint64_t read_u64(const char* bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

std::optional<std::uint64_t> multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

struct HeaderExtent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::string_view name;
};

/// Bytes that the shape and type ask for; nothing when they do not fit 64 bits.
std::optional<std::uint64_t> bytes_needed(const TensorView& tensor) {
  const auto dtype = std::ranges::find(kDtypes, tensor.dtype, &Dtype::name);
  std::optional<std::uint64_t> bytes = dtype->size_bytes;
  for (const std::uint64_t n : tensor.shape) {
    bytes = multiply(*bytes, n);
    if (!bytes) return std::nullopt;
  }
  return bytes;
}

Result<std::uint64_t> unsigned_number(const Json& json, std::string_view what) {
  if (!json.is_number_unsigned())
    return safetensors_corrupt(std::string(what) + " holds something else than whole numbers");
  return json.get<std::uint64_t>();
}

Result<TensorView> parse_tensor(const std::string& name, const Json& json, std::string_view data,
                                HeaderExtent& extent) {
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets"))
    return safetensors_corrupt("tensor '" + name + "' needs exactly dtype, shape and data_offsets");
  TensorView tensor;
  const Json& dtype = json["dtype"];
  if (!dtype.is_string() || std::ranges::find(kDtypes, dtype.get_ref<const std::string&>(),
                                              &Dtype::name) == kDtypes.end())
    return safetensors_corrupt("tensor '" + name + "' has an unknown dtype");
  tensor.dtype = dtype.get<std::string>();
  const Json& shape = json["shape"];
  if (!shape.is_array() || shape.size() > kMaxDimensions)
    return safetensors_corrupt("the shape of tensor '" + name +
                               "' is not a list of at most 8 numbers");
  for (const Json& n : shape) {
    GALLEY_TRY(const auto length, unsigned_number(n, "the shape of tensor '" + name + "'"));
    tensor.shape.push_back(length);
  }
  const Json& offsets = json["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2)
    return safetensors_corrupt("data_offsets of tensor '" + name + "' are not two numbers");
  GALLEY_TRY(const auto begin, unsigned_number(offsets[0], "data_offsets of '" + name + "'"));
  GALLEY_TRY(const auto end, unsigned_number(offsets[1], "data_offsets of '" + name + "'"));
  if (begin > end || end > data.size())
    return safetensors_corrupt("tensor '" + name + "' lies at " + std::to_string(begin) + " to " +
                               std::to_string(end) + " of " + std::to_string(data.size()) +
                               " data bytes");
  if (bytes_needed(tensor) != end - begin)
    return safetensors_corrupt("tensor '" + name + "' has " + std::to_string(end - begin) +
                               " bytes, which its shape and dtype do not explain");
  tensor.bytes = data.substr(begin, end - begin);
  extent = {begin, end, {}};
  return tensor;
}

Status parse_metadata(const Json& json, Safetensors& file) {
  if (!json.is_object()) return safetensors_corrupt("__metadata__ is not an object");
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return safetensors_corrupt("__metadata__." + key + " is not a string");
    file.metadata.emplace(key, value.get<std::string>());
  }
  return ok();
}

Status check_tiling(std::vector<HeaderExtent>& extents, std::uint64_t data_bytes) {
  std::ranges::sort(extents, [](const HeaderExtent& a, const HeaderExtent& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t at = 0;
  for (const HeaderExtent& extent : extents) {
    if (extent.begin != at)
      return safetensors_corrupt("tensor '" + std::string(extent.name) + "' begins at " +
                                 std::to_string(extent.begin) + " where the one before ends at " +
                                 std::to_string(at));
    at = extent.end;
  }
  if (at != data_bytes)
    return safetensors_corrupt(std::to_string(data_bytes - at) +
                               " bytes after the last tensor belong to none");
  return ok();
}

}  // namespace

Result<Safetensors> Safetensors::parse(std::string_view file) {
  if (file.size() < kLengthBytes)
    return safetensors_corrupt("the file has " + std::to_string(file.size()) +
                               " bytes, fewer than its first field");
  const std::uint64_t header_bytes = read_u64(file.data());
  if (header_bytes > kMaxSafetensorsHeader || header_bytes > file.size() - kLengthBytes)
    return safetensors_corrupt("a header of " + std::to_string(header_bytes) +
                               " bytes does not fit a file of " + std::to_string(file.size()));
  const std::string_view header_text = file.substr(kLengthBytes, header_bytes);
  const std::string_view data = file.substr(kLengthBytes + header_bytes);
  const auto header = parse_json(header_text);
  if (!header) return safetensors_corrupt("the header is not JSON: " + header.error().message);
  if (!header->is_object()) return safetensors_corrupt("the header is not a JSON object");

  Safetensors result;
  std::vector<HeaderExtent> extents;
  for (const auto& [name, json] : header->items()) {
    if (name == "__metadata__") {
      GALLEY_TRY_STATUS(parse_metadata(json, result));
      continue;
    }
    HeaderExtent extent;
    GALLEY_TRY(auto tensor, parse_tensor(name, json, data, extent));
    const auto entry = result.tensors.emplace(name, std::move(tensor)).first;
    extent.name = entry->first;
    extents.push_back(extent);
  }
  GALLEY_TRY_STATUS(check_tiling(extents, data.size()));
  return result;
}

std::string print_safetensors_header(
    std::span<const TensorSize> tensors,
    const std::map<std::string, std::string, std::less<>>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const TensorSize& tensor : tensors) {
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {at, at + tensor.size_bytes}}};
    at += tensor.size_bytes;
  }
  std::string text = dump_json(header);
  while ((kLengthBytes + text.size()) % kDataAlignment != 0) text += ' ';
  std::string bytes;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    bytes += static_cast<char>(text.size() >> (8 * i) & 0xFFU);
  return bytes + text;
}

std::string print_safetensors(std::span<const std::pair<std::string, TensorView>> tensors,
                              const std::map<std::string, std::string, std::less<>>& metadata) {
  std::vector<TensorSize> sizes;
  std::uint64_t data_bytes = 0;
  for (const auto& [name, tensor] : tensors) {
    sizes.push_back({name, tensor.dtype, tensor.shape, tensor.bytes.size()});
    data_bytes += tensor.bytes.size();
  }
  std::string file = print_safetensors_header(sizes, metadata);
  file.reserve(file.size() + data_bytes);
  for (const auto& [name, tensor] : tensors) file += tensor.bytes;
  return file;
}

}  // namespace galley::inference
