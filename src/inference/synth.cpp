#include "inference/synth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gguf_keys.h"
#include "random_weights.h"
#include "synth_vocabulary.h"
#include "tensor_writer.h"

namespace galley::inference {
namespace {

constexpr std::size_t kMinVocabulary = 320;
constexpr float kDeviation = 0.02F;

struct SynthTensor {
  std::string name;
  std::vector<std::size_t> shape;
  float deviation = 0;  // 0: all the same
  float value = 0;
};

class Shapes {
 public:
  explicit Shapes(const SynthShape& shape) : shape_(shape) {}

  std::vector<SynthTensor> llama() {
    const std::size_t kv_width = shape_.width / shape_.heads * shape_.kv_heads;
    const float even = 1 / std::sqrt(static_cast<float>(shape_.width));
    matrix("token_embd", shape_.vocabulary, shape_.width, kDeviation);
    same("output_norm.weight", shape_.width, 1);
    matrix("output", shape_.vocabulary, shape_.width, 2 * kDeviation);
    for (layer_ = 0; layer_ < shape_.layers; ++layer_) {
      const std::string prefix = fmt::format("blk.{}.", layer_);
      same(prefix + "attn_norm.weight", shape_.width, 1);
      matrix(prefix + "attn_q", shape_.width, shape_.width, even);
      matrix(prefix + "attn_k", kv_width, shape_.width, even);
      matrix(prefix + "attn_v", kv_width, shape_.width, kDeviation);
      matrix(prefix + "attn_output", shape_.width, shape_.width, residual());
      same(prefix + "ffn_norm.weight", shape_.width, 1);
      matrix(prefix + "ffn_gate", shape_.feed_forward, shape_.width, kDeviation);
      matrix(prefix + "ffn_up", shape_.feed_forward, shape_.width, kDeviation);
      matrix(prefix + "ffn_down", shape_.width, shape_.feed_forward, residual());
    }
    return std::move(tensors_);
  }

  std::vector<SynthTensor> gpt2() {
    matrix("token_embd", shape_.vocabulary, shape_.width, kDeviation);
    matrix("position_embd", shape_.context, shape_.width, kDeviation / 2);
    norm("output_norm");
    // Tied embeddings would do, but other engines' gpt2 wants the matrix in the file.
    matrix("output", shape_.vocabulary, shape_.width, 2 * kDeviation);
    for (layer_ = 0; layer_ < shape_.layers; ++layer_) {
      const std::string prefix = fmt::format("blk.{}.", layer_);
      norm(prefix + "attn_norm");
      biased(prefix + "attn_qkv", 3 * shape_.width, shape_.width, kDeviation);
      biased(prefix + "attn_output", shape_.width, shape_.width, residual());
      norm(prefix + "ffn_norm");
      biased(prefix + "ffn_up", shape_.feed_forward, shape_.width, kDeviation);
      biased(prefix + "ffn_down", shape_.width, shape_.feed_forward, residual());
    }
    return std::move(tensors_);
  }

 private:
  /// What adds to a block's input is smaller, so that the sum over all layers stays of one size
  /// (GPT-2's initialisation).
  float residual() const { return kDeviation / std::sqrt(2 * static_cast<float>(shape_.layers)); }
  void matrix(const std::string& name, std::size_t rows, std::size_t columns, float deviation) {
    tensors_.push_back({name + ".weight", {rows, columns}, deviation, 0});
  }
  void same(const std::string& name, std::size_t size, float value) {
    tensors_.push_back({name, {size}, 0, value});
  }
  void norm(const std::string& name) {
    same(name + ".weight", shape_.width, 1);
    same(name + ".bias", shape_.width, 0);
  }
  void biased(const std::string& name, std::size_t rows, std::size_t columns, float deviation) {
    matrix(name, rows, columns, deviation);
    tensors_.push_back({name + ".bias", {rows}, kDeviation / 10, 0});
  }

  const SynthShape& shape_;
  std::size_t layer_ = 0;
  std::vector<SynthTensor> tensors_;
};

Error bad_synthesis(std::string message) { return {Errc::invalid_argument, std::move(message)}; }

ModelConfig config_of(const SynthShape& shape) {
  ModelConfig config;
  config.architecture = shape.architecture;
  config.name = shape.name;
  config.layers = shape.layers;
  config.width = shape.width;
  config.heads = shape.heads;
  config.kv_heads = shape.kv_heads;
  config.head_dim = shape.width / shape.heads;
  config.feed_forward = shape.feed_forward;
  config.vocabulary = shape.vocabulary;
  config.context = shape.context;
  if (shape.architecture == "gpt2") {
    config.norm = tensor::NormKind::layer;
    config.activation = FeedForward::gelu;
    config.positions = PositionKind::learned;
  }
  return config;
}

Status check_shape(const SynthShape& shape) {
  if (shape.architecture != "llama" && shape.architecture != "gpt2")
    return bad_synthesis(
        fmt::format("architecture '{}' cannot be made up; llama and gpt2 can", shape.architecture));
  if (shape.heads == 0 || shape.width % shape.heads != 0)
    return bad_synthesis(
        fmt::format("a width of {} cannot be cut into {} heads", shape.width, shape.heads));
  if (shape.architecture == "gpt2" && shape.kv_heads != shape.heads)
    return bad_synthesis(fmt::format("gpt2 has as many KV heads as heads, not {} of {}",
                                     shape.kv_heads, shape.heads));
  if (shape.vocabulary < kMinVocabulary)
    return bad_synthesis(fmt::format("a vocabulary of {}; at least {} are needed for all bytes",
                                     shape.vocabulary, kMinVocabulary));
  return check_config(config_of(shape));
}

/// The tokenizer's keys, and the size of its vocabulary in `shape`.
Status add_vocabulary(const SynthOptions& options, SynthShape& shape, GgufWriter& writer) {
  if (options.vocabulary.empty()) {
    GALLEY_TRY_STATUS(check_shape(shape));
    const auto make = shape.architecture == "gpt2" ? synth_byte_bpe : synth_sentencepiece;
    return add_tokenizer_keys(make(shape.vocabulary, options.seed), writer);
  }
  GALLEY_TRY(const auto file, MappedFile::open(options.vocabulary));
  GALLEY_TRY(const auto parsed, Gguf::parse(file.bytes()));
  GALLEY_TRY(const auto tokens, parsed.strings_of("tokenizer.ggml.tokens"));
  shape.vocabulary = tokens.size();
  for (const auto& [key, value] : parsed.values())
    if (key.starts_with("tokenizer.")) writer.add_value(key, value);
  return check_shape(shape);
}

PlannedTensor planned(const SynthTensor& tensor, tensor::Format format, std::uint64_t seed,
                      std::uint64_t index) {
  PlannedTensor plan{.name = tensor.name,
                     .format = format,
                     .rows = tensor.shape.size() == 2 ? tensor.shape[0] : 1,
                     .columns = tensor.shape.back()};
  const std::uint64_t stream = mix_bits(mix_bits(seed) + index);
  plan.values = [stream, deviation = tensor.deviation, value = tensor.value](
                    std::size_t row, std::span<float> values) {
    if (deviation == 0)
      std::ranges::fill(values, value);
    else
      fill_normal(stream + row, deviation, values);
  };
  return plan;
}

}  // namespace

std::vector<std::string> synth_preset_names() {
  return {"15m", "125m", "350m", "1.1b", "3b", "gpt2-125m"};
}

std::optional<SynthShape> synth_preset(std::string_view name) {
  SynthShape shape{.name = "random-" + std::string(name), .vocabulary = 32000};
  const auto set = [&](std::size_t layers, std::size_t width, std::size_t heads,
                       std::size_t kv_heads, std::size_t feed_forward, std::size_t context) {
    shape.layers = layers;
    shape.width = width;
    shape.heads = heads;
    shape.kv_heads = kv_heads;
    shape.feed_forward = feed_forward;
    shape.context = context;
    return shape;
  };
  if (name == "15m") return set(6, 288, 6, 6, 768, 2048);
  if (name == "125m") return set(12, 768, 12, 12, 2048, 4096);
  if (name == "350m") return set(24, 1024, 16, 16, 2816, 4096);
  if (name == "1.1b") return set(22, 2048, 32, 4, 5632, 4096);
  if (name == "3b") return set(28, 3072, 24, 8, 8192, 4096);
  if (name != "gpt2-125m") return std::nullopt;
  shape.architecture = "gpt2";
  shape.vocabulary = 50257;
  return set(12, 768, 12, 12, 3072, 1024);
}

Result<WrittenModel> synthesize(const SynthShape& wanted, const SynthOptions& options,
                                const std::filesystem::path& out) {
  if (options.mix == QuantMix::i8)
    return bad_synthesis("random weights are written as GGUF, which has no place for i8");
  SynthShape shape = wanted;
  GALLEY_TRY_STATUS(check_shape(shape));
  GgufWriter writer;
  GALLEY_TRY_STATUS(add_vocabulary(options, shape, writer));
  const ModelConfig config = config_of(shape);
  GALLEY_TRY_STATUS(
      add_config_keys(config, {.rotated_dim = config.head_dim}, shape.context, writer));
  add_mix_keys(options.mix, writer);

  const std::vector<SynthTensor> tensors =
      shape.architecture == "gpt2" ? Shapes(shape).gpt2() : Shapes(shape).llama();
  const bool tied =
      std::ranges::find(tensors, "output.weight", &SynthTensor::name) == tensors.end();
  WrittenModel written;
  std::vector<PlannedTensor> plan;
  for (const SynthTensor& tensor : tensors) {
    const MixQuestion question{.name = tensor.name,
                               .rank = tensor.shape.size(),
                               .columns = tensor.shape.back(),
                               .layers = shape.layers,
                               .tied = tied,
                               .grouped_heads = shape.heads != shape.kv_heads,
                               .stored = tensor::Format::f32};
    plan.push_back(planned(tensor, format_for(options.mix, question), options.seed, plan.size()));
    writer.add_tensor(tensor.name, plan.back().format, tensor.shape);
    written.parameters += plan.back().rows * plan.back().columns;
  }
  GALLEY_TRY(written.file_bytes, write_gguf(out, writer, plan, options.write));
  written.tensor_count = plan.size();
  return written;
}

}  // namespace galley::inference
