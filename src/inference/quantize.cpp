#include "inference/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "gguf_keys.h"
#include "quantize_folder.h"
#include "weight_rows.h"

namespace galley::inference {
namespace fs = std::filesystem;
namespace {

/// Keys that describe the old file rather than the model.
bool describes_file(std::string_view key) {
  return key.starts_with("split.") || key == "general.file_type" ||
         key == "general.quantization_version" || key == "general.alignment";
}

Status add_keys(const ModelParts& model, QuantMix mix, GgufWriter& writer) {
  if (model.ggufs.empty()) {
    GALLEY_TRY_STATUS(add_config_keys(model.config, model.rope, model.stated_context, writer));
    GALLEY_TRY_STATUS(add_tokenizer_keys(model.tokenizer, writer));
  } else {
    for (const auto& [key, value] : model.ggufs.front().values())
      if (!describes_file(key)) writer.add_value(key, value);
  }
  add_mix_keys(mix, writer);
  return ok();
}

/// Llama 3's scaling as the divisors that GGUF has for it; empty where there is nothing to say.
Result<std::vector<float>> scaling_divisors(const ModelParts& model) {
  std::vector<float> divisors;
  if (model.rope.scaling != RopeScaling::llama3) return divisors;
  GALLEY_TRY(divisors,
             rope_frequencies({.rotated_dim = model.rope.rotated_dim, .base = model.rope.base}));
  for (std::size_t i = 0; i < divisors.size(); ++i)
    divisors[i] /= model.config.inverse_frequencies[i];
  return divisors;
}

Result<WrittenModel> quantize_to_gguf(const ModelParts& model, const fs::path& out, QuantMix mix,
                                      const WriteOptions& options) {
  GgufWriter writer;
  GALLEY_TRY_STATUS(add_keys(model, mix, writer));
  const bool turn_pairs = model.config.architecture == "llama" && !model.config.adjacent_pairs;
  std::vector<WeightRows> all =
      weight_rows(model, turn_pairs ? PairOrder::to_adjacent : PairOrder::keep,
                  model.config.architecture == "gpt2");
  GALLEY_TRY(const std::vector<float> divisors, scaling_divisors(model));
  StoredTensor divisor_tensor{.shape = {divisors.size()},
                              .bytes = reinterpret_cast<const std::byte*>(divisors.data()),
                              .size_bytes = divisors.size() * sizeof(float)};
  if (!divisors.empty()) {
    std::erase_if(all, [](const WeightRows& one) { return one.name == "rope_freqs.weight"; });
    all.push_back({"rope_freqs.weight", {&divisor_tensor}, divisor_tensor.shape, {}});
  }
  std::vector<PlannedTensor> plan;
  for (const WeightRows& weights : all) {
    const tensor::Format format =
        format_for(mix, {.name = weights.name,
                         .rank = weights.shape.size(),
                         .columns = weights.shape.back(),
                         .layers = model.config.layers,
                         .tied = !model.tensors.contains("output.weight"),
                         .grouped_heads = model.config.heads != model.config.kv_heads,
                         .stored = weights.parts.front()->format});
    plan.push_back(plan_of(weights, format));
    writer.add_tensor(weights.name, format, weights.shape);
  }
  WrittenModel written{.tensor_count = plan.size(), .parameters = model.config.parameters};
  GALLEY_TRY(written.file_bytes, write_gguf(out, writer, plan, options));
  return written;
}

}  // namespace

Result<WrittenModel> quantize(const fs::path& in, const fs::path& out, QuantMix mix,
                              const WriteOptions& options) {
  GALLEY_TRY(const ModelParts model, read_model(in));
  if (mix == QuantMix::i8) return quantize_to_folder(model, in, out, options);
  std::error_code error;
  if (fs::is_directory(out, error))
    return Error{Errc::invalid_argument,
                 fmt::format("'{}' is a folder", out.string()),
                 {},
                 "the name of a GGUF file"};
  return quantize_to_gguf(model, out, mix, options);
}

}  // namespace galley::inference
