#include "inference/classifier_files.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "inference/safetensors.h"
#include "tensor/kernel_table.h"

namespace galley::inference {
namespace {

static_assert(std::endian::native == std::endian::little,
              "safetensors holds little-endian numbers");

constexpr std::int64_t kMaxCardBytes = 16 << 20;
constexpr std::int64_t kMaxWeightsBytes = std::int64_t{4} << 30;
constexpr std::uint64_t kMaxDim = 1024;
constexpr std::string_view kHashKey = "weights_sha256";

Error corrupt(std::string message) {
  return {Errc::corrupt, "classifier weights: " + std::move(message)};
}

template <class T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

using NamedTensors = std::vector<std::pair<std::string, TensorView>>;

/// Widest type first, so that every tensor is aligned for its type. `bits` backs the index tensor.
NamedTensors list_tensors(const ClassifierWeights& w, const std::vector<std::uint64_t>& bits) {
  const std::uint64_t rows = w.index.row_count();
  NamedTensors list{{"index", {"U64", {bits.size()}, bytes_of(bits)}}};
  if (w.is_int8()) {
    list.push_back({"embedding", {"I8", {rows, w.dim}, bytes_of(w.embedding_i8)}});
    list.push_back({"embedding.scale", {"F32", {rows}, bytes_of(w.scales)}});
  } else {
    list.push_back({"embedding", {"F32", {rows, w.dim}, bytes_of(w.embedding)}});
  }
  list.push_back({"output.weight", {"F32", {w.classes, w.dim}, bytes_of(w.output)}});
  list.push_back({"output.bias", {"F32", {w.classes}, bytes_of(w.bias)}});
  return list;
}

std::string hash_tensors(const NamedTensors& tensors) {
  // A hash of hashes, since the tensors do not lie side by side in memory.
  std::string hashes;
  for (const auto& [name, tensor] : tensors) hashes += name + " " + sha256_hex(tensor.bytes) + "\n";
  return sha256_hex(hashes);
}

template <class T>
std::vector<T> copy_values(const TensorView& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

/// The tensor of a name with the type and shape that it must have.
Result<const TensorView*> expect_tensor(const Safetensors& file, std::string_view name,
                                        std::string_view dtype,
                                        const std::vector<std::uint64_t>& shape) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) return corrupt("tensor '" + std::string(name) + "' is absent");
  if (found->second.dtype != dtype || found->second.shape != shape)
    return corrupt("tensor '" + std::string(name) + "' is not of the type " + std::string(dtype) +
                   " or not of the shape that the others ask for");
  return &found->second;
}

Result<std::vector<float>> expect_floats(const Safetensors& file, std::string_view name,
                                         const std::vector<std::uint64_t>& shape) {
  GALLEY_TRY(const TensorView* tensor, expect_tensor(file, name, "F32", shape));
  auto values = copy_values<float>(*tensor);
  if (!std::ranges::all_of(values, [](float x) { return std::isfinite(x); }))
    return corrupt("tensor '" + std::string(name) + "' holds a number that is not finite");
  return values;
}

Result<RowIndex> parse_index(const Safetensors& file) {
  const auto found = file.tensors.find("index");
  if (found == file.tensors.end() || found->second.dtype != "U64" ||
      found->second.shape.size() != 1 || !std::has_single_bit(found->second.shape[0]) ||
      found->second.shape[0] < RowIndex::kMinBuckets / 64 ||
      found->second.shape[0] > RowIndex::kMaxBuckets / 64)
    return corrupt("tensor 'index' is not a bit for each of 2^10 to 2^24 buckets");
  return RowIndex(copy_values<std::uint64_t>(found->second));
}

Status read_embedding(const Safetensors& file, ClassifierWeights& weights) {
  const std::uint64_t rows = weights.index.row_count();
  const auto embedding = file.tensors.find("embedding");
  if (embedding != file.tensors.end() && embedding->second.dtype == "F32") {
    GALLEY_TRY(weights.embedding, expect_floats(file, "embedding", {rows, weights.dim}));
    return ok();
  }
  GALLEY_TRY(const TensorView* i8, expect_tensor(file, "embedding", "I8", {rows, weights.dim}));
  weights.embedding_i8 = copy_values<std::int8_t>(*i8);
  GALLEY_TRY(weights.scales, expect_floats(file, "embedding.scale", {rows}));
  return ok();
}

Status check_pair(const ClassifierCard& card, const ClassifierWeights& weights,
                  const std::string& weights_sha256) {
  if (card.weights_sha256 != weights_sha256 || card.labels.size() != weights.classes ||
      card.dim != weights.dim || card.buckets != weights.index.bucket_count() ||
      card.embedding_type != (weights.is_int8() ? "int8" : "f32"))
    return Error{Errc::corrupt, "the card and the weights are not of one model"};
  return ok();
}

}  // namespace

std::string print_weights(const ClassifierWeights& weights, const std::string& weights_sha256) {
  const auto bits = weights.index.bits();
  return print_safetensors(list_tensors(weights, bits), {{std::string(kHashKey), weights_sha256}});
}

std::string hash_weights(const ClassifierWeights& weights) {
  const auto bits = weights.index.bits();
  return hash_tensors(list_tensors(weights, bits));
}

Result<ClassifierWeights> parse_weights(std::string_view bytes, std::string& weights_sha256) {
  GALLEY_TRY(const Safetensors file, Safetensors::parse(bytes));
  const auto hash = file.metadata.find(kHashKey);
  if (hash == file.metadata.end()) return corrupt("the metadata holds no weights_sha256");
  const auto output = file.tensors.find("output.weight");
  if (output == file.tensors.end() || output->second.shape.size() != 2)
    return corrupt("tensor 'output.weight' is absent or not a matrix");
  const std::uint64_t classes = output->second.shape[0];
  const std::uint64_t dim = output->second.shape[1];
  if (classes < 2 || classes > UINT16_MAX + 1U || dim == 0 || dim > kMaxDim ||
      dim % tensor::kLanes != 0)
    return corrupt("an output layer of " + std::to_string(classes) + " x " + std::to_string(dim) +
                   " is not at least 2 classes by a multiple of " + std::to_string(tensor::kLanes) +
                   " up to " + std::to_string(kMaxDim));

  ClassifierWeights weights;
  weights.classes = static_cast<std::uint32_t>(classes);
  weights.dim = static_cast<std::uint32_t>(dim);
  GALLEY_TRY(weights.index, parse_index(file));
  GALLEY_TRY(weights.output, expect_floats(file, "output.weight", {classes, dim}));
  GALLEY_TRY(weights.bias, expect_floats(file, "output.bias", {classes}));
  GALLEY_TRY_STATUS(read_embedding(file, weights));
  weights_sha256 = hash->second;
  return weights;
}

Status save_classifier(const std::filesystem::path& folder, ClassifierCard& card,
                       const ClassifierWeights& weights) {
  card.buckets = weights.index.bucket_count();
  card.dim = weights.dim;
  card.embedding_type = weights.is_int8() ? "int8" : "f32";
  card.weights_sha256 = hash_weights(weights);
  GALLEY_TRY_STATUS(make_folders(folder));
  GALLEY_TRY_STATUS(write_file_atomic(
      folder / kWeightsFile, print_weights(weights, card.weights_sha256), Durability::disk));
  return write_file_atomic(folder / kCardFile, print_classifier_card(card), Durability::disk);
}

Result<Classifier> load_classifier(const std::filesystem::path& folder) {
  const auto in_file = [&](Error error, std::string_view file) {
    error.message = (folder / file).string() + ": " + error.message;
    return error;
  };
  GALLEY_TRY(const std::string card_text, read_file(folder / kCardFile, kMaxCardBytes));
  auto card = parse_classifier_card(card_text);
  if (!card) return in_file(std::move(card).error(), kCardFile);
  GALLEY_TRY(const std::string bytes, read_file(folder / kWeightsFile, kMaxWeightsBytes));
  std::string weights_sha256;
  auto weights = parse_weights(bytes, weights_sha256);
  if (!weights) return in_file(std::move(weights).error(), kWeightsFile);
  if (auto status = check_pair(*card, *weights, weights_sha256); !status)
    return in_file(std::move(status).error(), kCardFile);
  return Classifier{*std::move(card), *std::move(weights)};
}

}  // namespace galley::inference
