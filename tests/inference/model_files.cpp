#include "model_files.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>

#include "inference/safetensors.h"

namespace galley::inference::testing {
namespace fs = std::filesystem;
namespace {

const std::map<std::string, std::string> kLlamaNames{
    {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"},
    {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"}};
const std::map<std::string, std::string> kGpt2Names{
    {"attn_norm", "ln_1"}, {"attn_qkv", "attn.c_attn"}, {"attn_output", "attn.c_proj"},
    {"ffn_norm", "ln_2"},  {"ffn_up", "mlp.c_fc"},      {"ffn_down", "mlp.c_proj"}};
const std::map<std::string, std::string> kOutside{
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};
const std::map<std::string, std::string> kGpt2Outside{{"token_embd", "wte"},
                                                      {"position_embd", "wpe"},
                                                      {"output_norm", "ln_f"},
                                                      {"output", "lm_head"}};

std::string published_name(const std::string& name, bool gpt2) {
  const std::size_t last = name.rfind('.');
  const std::string kind = name.substr(last);
  if (!name.starts_with("blk."))
    return (gpt2 ? kGpt2Outside : kOutside).at(name.substr(0, last)) + kind;
  const std::size_t dot = name.find('.', 4);
  const std::string layer = name.substr(4, dot - 4);
  const std::string part = name.substr(dot + 1, last - dot - 1);
  return gpt2 ? fmt::format("transformer.h.{}.{}{}", layer, kGpt2Names.at(part), kind)
              : fmt::format("model.layers.{}.{}{}", layer, kLlamaNames.at(part), kind);
}

std::vector<float> floats_of(const GgufTensor& tensor) {
  const StoredTensor stored{.format = *tensor.format,
                            .shape = {tensor.shape.begin(), tensor.shape.end()},
                            .bytes = reinterpret_cast<const std::byte*>(tensor.bytes.data()),
                            .size_bytes = tensor.bytes.size()};
  return values_of(stored);
}

/// What transformers' conversion to GGUF undoes: of each head, rows 2i and 2i + 1 become i and
/// i + half.
std::vector<float> in_halves(const std::vector<float>& values, std::size_t columns,
                             std::size_t head_dim) {
  std::vector<float> out(values.size());
  for (std::size_t row = 0; row < values.size() / columns; ++row) {
    const std::size_t head = row / head_dim;
    const std::size_t at = row % head_dim;
    const std::size_t to = head * head_dim + at % 2 * (head_dim / 2) + at / 2;
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(row * columns), columns,
                out.begin() + static_cast<std::ptrdiff_t>(to * columns));
  }
  return out;
}

std::vector<float> turned(const std::vector<float>& values, std::size_t rows, std::size_t columns) {
  std::vector<float> out(values.size());
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) out[c * rows + r] = values[r * columns + c];
  return out;
}

}  // namespace

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put_bytes(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void edit_gguf(const fs::path& from, const GgufEdit& edit, const fs::path& to) {
  const std::string bytes = bytes_of(from);
  const auto file = Gguf::parse(bytes);
  GALLEY_CHECK(file.has_value(), "the file to edit is whole");
  GgufWriter writer;
  edit.add(writer);
  for (const auto& [key, value] : file->values())
    if (edit.keep_key(key)) writer.add_value(key, value);
  std::vector<std::string_view> data;
  for (const auto& [name, tensor] : file->tensors()) {
    std::string new_name(name);
    std::vector<std::size_t> shape(tensor.shape.begin(), tensor.shape.end());
    if (!edit.keep_tensor(new_name, shape)) continue;
    writer.add_tensor(new_name, *tensor.format, shape);
    data.push_back(tensor.bytes);
  }
  std::string out = writer.header();
  const auto places = writer.places();
  out.resize(writer.file_bytes());
  for (std::size_t i = 0; i < places.size(); ++i)
    std::memcpy(out.data() + places[i].offset, data[i].data(),
                std::min<std::size_t>(places[i].size_bytes, data[i].size()));
  put_bytes(to, out);
}

std::vector<float> values_of(const StoredTensor& tensor) {
  const std::size_t columns = tensor.shape.back();
  const std::size_t rows = tensor.shape.size() == 2 ? tensor.shape[0] : 1;
  const std::size_t row_bytes = tensor::row_bytes(tensor.format, columns);
  std::vector<float> values(rows * columns);
  for (std::size_t r = 0; r < rows; ++r)
    tensor::dequantize_row(tensor.format, tensor.bytes + r * row_bytes,
                           tensor.scales == nullptr ? 1 : tensor.scales[r],
                           std::span(values).subspan(r * columns, columns));
  return values;
}

std::string open_fault(const fs::path& path) {
  const auto file = ModelFile::open(path);
  return file ? "none" : describe(file.error());
}

void write_hf_folder(const fs::path& gguf, const Json& config, const fs::path& folder,
                     std::size_t shards) {
  const std::string bytes = bytes_of(gguf);
  const auto file = Gguf::parse(bytes);
  GALLEY_CHECK(file.has_value(), "the model to publish is whole");
  const bool gpt2 = *file->string_of("general.architecture") == "gpt2";
  const bool halves = *file->string_of("general.architecture") == "llama";
  std::map<std::string, std::vector<float>> data;
  std::vector<std::vector<std::pair<std::string, TensorView>>> parts(shards);
  Json weight_map = Json::object();
  std::size_t next = 0;
  for (const auto& [name, tensor] : file->tensors()) {
    const std::string published = published_name(std::string(name), gpt2);
    std::vector<std::uint64_t> shape = tensor.shape;
    std::vector<float>& values = data[published];
    values = floats_of(tensor);
    const bool rotated = name.find(".attn_q.") != std::string_view::npos ||
                         name.find(".attn_k.") != std::string_view::npos;
    if (halves && rotated)
      values = in_halves(values, shape.size() == 2 ? shape[1] : 1, config["head_dim"]);
    if (gpt2 && shape.size() == 2 && name.starts_with("blk.")) {
      values = turned(values, shape[0], shape[1]);
      std::swap(shape[0], shape[1]);
    }
    const std::size_t shard = next++ % shards;
    parts[shard].emplace_back(published, TensorView{"F32",
                                                    shape,
                                                    {reinterpret_cast<const char*>(values.data()),
                                                     values.size() * sizeof(float)}});
    weight_map[published] = fmt::format("model-{}.safetensors", shard);
  }
  fs::create_directories(folder);
  if (shards == 1) {
    put_bytes(folder / "model.safetensors", print_safetensors(parts[0], {}));
  } else {
    for (std::size_t i = 0; i < shards; ++i)
      put_bytes(folder / fmt::format("model-{}.safetensors", i), print_safetensors(parts[i], {}));
    put_bytes(folder / "model.safetensors.index.json", dump_json({{"weight_map", weight_map}}));
  }
  put_bytes(folder / "config.json", dump_json(config));
  GgufWriter tokenizer;
  for (const auto& [key, value] : file->values())
    if (key.starts_with("tokenizer.")) tokenizer.add_value(key, value);
  put_bytes(folder / "tokenizer.gguf", tokenizer.header());
}

Json tiny_llama_config() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"num_hidden_layers", 2},
          {"hidden_size", 64},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 16},
          {"intermediate_size", 96},
          {"vocab_size", 320},
          {"max_position_embeddings", 256},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0}};
}

Json tiny_gpt2_config() {
  return {{"architectures", {"GPT2LMHeadModel"}},
          {"n_layer", 2},
          {"n_embd", 64},
          {"n_head", 4},
          {"n_inner", 96},
          {"n_positions", 256},
          {"vocab_size", 320},
          {"tie_word_embeddings", false}};
}

}  // namespace galley::inference::testing
