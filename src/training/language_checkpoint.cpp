#include "training/language_checkpoint.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "inference/safetensors.h"

namespace galley::training {
namespace {

constexpr std::int64_t kMaxCheckpointBytes = std::int64_t{16} << 30U;

inference::TensorView view_of(const std::vector<float>& values) {
  return {"F32",
          {values.size()},
          {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}};
}

Error corrupt(const std::filesystem::path& path, const std::string& reason) {
  return {Errc::corrupt, "the checkpoint " + path.string() + " " + reason};
}

template <class Number>
bool read_number(const inference::Safetensors& file, std::string_view key, Number& number) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) return false;
  const char* const end = found->second.data() + found->second.size();
  const auto [at, code] = std::from_chars(found->second.data(), end, number);
  return code == std::errc{} && at == end && number >= Number{};
}

bool read_values(const inference::Safetensors& file, std::string_view name, std::size_t count,
                 std::vector<float>& values) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end() || found->second.dtype != "F32" ||
      found->second.bytes.size() != count * sizeof(float))
    return false;
  values.resize(count);
  std::memcpy(values.data(), found->second.bytes.data(), found->second.bytes.size());
  for (const float value : values)
    if (!std::isfinite(value)) return false;
  return true;
}

/// Enough digits that the same number comes back.
std::string print_seconds(double seconds) {
  char buffer[32];
  const auto [end, code] = std::to_chars(buffer, buffer + sizeof buffer, seconds);
  return code == std::errc{} ? std::string(buffer, end) : "0";
}

}  // namespace

std::string fingerprint(const LanguageOptions& options, const std::string& data_sha256) {
  const DecoderShape& shape = options.shape;
  const Json facts = {{"data", data_sha256},
                      {"vocabulary", shape.vocabulary},
                      {"width", shape.width},
                      {"layers", shape.layers},
                      {"heads", shape.heads},
                      {"kv_heads", shape.kv_heads},
                      {"feed_forward", shape.feed_forward},
                      {"context", shape.context},
                      {"batch", options.batch},
                      {"seed", options.seed}};
  return sha256_hex(dump_json(facts));
}

Status save_checkpoint(const std::filesystem::path& path, const LanguageCheckpoint& checkpoint) {
  const std::vector<std::pair<std::string, inference::TensorView>> tensors{
      {"parameters", view_of(checkpoint.parameters)},
      {"mean", view_of(checkpoint.optimizer.mean)},
      {"square", view_of(checkpoint.optimizer.square)}};
  const std::map<std::string, std::string, std::less<>> metadata{
      {"training", checkpoint.training},
      {"steps", std::to_string(checkpoint.spent.steps)},
      {"optimizer_steps", std::to_string(checkpoint.optimizer.steps)},
      {"seconds", print_seconds(checkpoint.spent.seconds)},
      {"windows", std::to_string(checkpoint.windows)}};
  return write_file_atomic(path, inference::print_safetensors(tensors, metadata), Durability::disk);
}

Result<LanguageCheckpoint> load_checkpoint(const std::filesystem::path& path,
                                           const DecoderLayout& layout,
                                           const std::string& training) {
  GALLEY_TRY(const std::string bytes, read_file(path, kMaxCheckpointBytes));
  const auto file = inference::Safetensors::parse(bytes);
  if (!file) return corrupt(path, "is damaged: " + file.error().message);
  const auto owner = file->metadata.find("training");
  if (owner == file->metadata.end()) return corrupt(path, "does not say what it belongs to");
  if (owner->second != training)
    return Error{Errc::conflict,
                 "the checkpoint " + path.string() +
                     " is of a training with other texts, shape, "
                     "batch or seed",
                 "resume",
                 {},
                 "give those of the first run, or train without --resume"};
  LanguageCheckpoint checkpoint{.training = training};
  if (!read_number(*file, "steps", checkpoint.spent.steps) ||
      !read_number(*file, "optimizer_steps", checkpoint.optimizer.steps) ||
      !read_number(*file, "seconds", checkpoint.spent.seconds) ||
      !read_number(*file, "windows", checkpoint.windows))
    return corrupt(path, "does not say how far it is");
  if (!read_values(*file, "parameters", layout.size(), checkpoint.parameters) ||
      !read_values(*file, "mean", layout.size(), checkpoint.optimizer.mean) ||
      !read_values(*file, "square", layout.size(), checkpoint.optimizer.square))
    return corrupt(
        path, "does not hold " + std::to_string(layout.size()) + " finite numbers of each kind");
  return checkpoint;
}

}  // namespace galley::training
