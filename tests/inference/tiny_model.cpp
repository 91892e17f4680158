#include "tiny_model.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>
#include <vector>

#include "inference/gguf.h"

namespace galley::inference {
namespace {

/// Collects tensors, then writes the file in one go.
class Builder {
 public:
  explicit Builder(std::uint32_t seed) : random_(seed) {}

  GgufWriter& header() { return header_; }

  void matrix(const std::string& name, tensor::Format format, std::size_t rows,
              std::size_t columns) {
    const std::size_t shape[] = {rows, columns};
    header_.add_tensor(name, format, shape);
    std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(columns)));
    std::vector<std::byte> bytes(rows * tensor::row_bytes(format, columns));
    std::vector<float> row(columns);
    for (std::size_t r = 0; r < rows; ++r) {
      for (float& value : row) value = normal(random_);
      tensor::quantize_row(format, row, bytes.data() + r * tensor::row_bytes(format, columns));
    }
    data_.push_back(std::move(bytes));
  }

  void vector(const std::string& name, std::size_t size, float mean, float spread) {
    const std::size_t shape[] = {size};
    header_.add_tensor(name, tensor::Format::f32, shape);
    std::normal_distribution<float> normal(mean, spread);
    std::vector<std::byte> bytes(size * sizeof(float));
    for (std::size_t i = 0; i < size; ++i) {
      const float value = normal(random_);
      std::memcpy(bytes.data() + i * sizeof(float), &value, sizeof(float));
    }
    data_.push_back(std::move(bytes));
  }

  void write(const std::filesystem::path& path) const {
    std::string bytes = header_.header();
    const auto places = header_.places();
    bytes.resize(header_.file_bytes());
    for (std::size_t i = 0; i < places.size(); ++i)
      std::memcpy(bytes.data() + places[i].offset, data_[i].data(), data_[i].size());
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  GgufWriter header_;
  std::vector<std::vector<std::byte>> data_;
  std::mt19937 random_;
};

void add_vocabulary(GgufWriter& header, std::size_t size) {
  std::vector<std::string> tokens{"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types{2, 3, 3};
  std::vector<float> scores(size, 0);
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(fmt::format("<0x{:02X}>", byte));
    types.push_back(6);
  }
  while (tokens.size() < size) {
    scores[tokens.size()] = -static_cast<float>(tokens.size());
    tokens.push_back(fmt::format("w{}", tokens.size()));
    types.push_back(1);
  }
  header.add_string("tokenizer.ggml.model", "llama");
  header.add_strings("tokenizer.ggml.tokens", tokens);
  header.add_floats("tokenizer.ggml.scores", scores);
  header.add_integers("tokenizer.ggml.token_type", types);
  header.add_u32("tokenizer.ggml.bos_token_id", 1);
  header.add_u32("tokenizer.ggml.eos_token_id", 2);
  header.add_u32("tokenizer.ggml.unknown_token_id", 0);
}

void add_shape(GgufWriter& header, const TinyModel& model) {
  const auto key = [&](std::string_view name) {
    return fmt::format("{}.{}", model.architecture, name);
  };
  const auto number = [&](std::string_view name, std::size_t value) {
    header.add_u32(key(name), static_cast<std::uint32_t>(value));
  };
  header.add_string("general.architecture", model.architecture);
  header.add_string("general.name", "tiny");
  number("context_length", model.context);
  number("embedding_length", model.width);
  number("block_count", model.layers);
  number("feed_forward_length", model.feed_forward);
  number("attention.head_count", model.heads);
  number("attention.head_count_kv", model.kv_heads);
  if (model.architecture == "gpt2") {
    header.add_f32(key("attention.layer_norm_epsilon"), 1e-5F);
    return;
  }
  number("attention.key_length", model.head_dim);
  number("attention.value_length", model.head_dim);
  number("rope.dimension_count", model.head_dim);
  header.add_f32(key("attention.layer_norm_rms_epsilon"), 1e-5F);
  header.add_f32(key("rope.freq_base"), 10000.0F);
}

}  // namespace

void write_tiny_model(const TinyModel& model, const std::filesystem::path& path) {
  Builder builder(model.seed);
  add_shape(builder.header(), model);
  add_vocabulary(builder.header(), model.vocabulary);

  const bool gpt2 = model.architecture == "gpt2";
  const std::size_t heads = model.heads * model.head_dim;
  const std::size_t kv_heads = model.kv_heads * model.head_dim;
  const auto norm = [&](const std::string& name, std::size_t size) {
    builder.vector(name + ".weight", size, 1, 0.2F);
    if (gpt2) builder.vector(name + ".bias", size, 0, 0.2F);
  };
  const auto linear = [&](const std::string& name, std::size_t rows, std::size_t columns,
                          bool bias) {
    builder.matrix(name + ".weight", model.format, rows, columns);
    if (bias) builder.vector(name + ".bias", rows, 0, 0.2F);
  };
  builder.matrix("token_embd.weight", model.format, model.vocabulary, model.width);
  if (gpt2) builder.matrix("position_embd.weight", tensor::Format::f32, model.context, model.width);
  norm("output_norm", model.width);
  if (!model.tied) builder.matrix("output.weight", model.format, model.vocabulary, model.width);
  for (std::size_t i = 0; i < model.layers; ++i) {
    const std::string prefix = fmt::format("blk.{}.", i);
    const bool qkv_bias = model.architecture == "qwen2";
    norm(prefix + "attn_norm", model.width);
    norm(prefix + "ffn_norm", model.width);
    if (gpt2) {
      linear(prefix + "attn_qkv", heads + 2 * kv_heads, model.width, true);
    } else {
      linear(prefix + "attn_q", heads, model.width, qkv_bias);
      linear(prefix + "attn_k", kv_heads, model.width, qkv_bias);
      linear(prefix + "attn_v", kv_heads, model.width, qkv_bias);
      linear(prefix + "ffn_gate", model.feed_forward, model.width, false);
    }
    if (model.architecture == "qwen3") {
      norm(prefix + "attn_q_norm", model.head_dim);
      norm(prefix + "attn_k_norm", model.head_dim);
    }
    linear(prefix + "attn_output", model.width, heads, gpt2);
    linear(prefix + "ffn_up", model.feed_forward, model.width, gpt2);
    linear(prefix + "ffn_down", model.width, model.feed_forward, gpt2);
  }
  builder.write(path);
}

}  // namespace galley::inference
