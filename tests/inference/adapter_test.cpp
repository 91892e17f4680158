#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <numeric>
#include <random>

#include "inference/language_model.h"
#include "inference/safetensors.h"
#include "reference_model.h"
#include "support/temp_folder.h"
#include "tiny_model.h"

namespace galley::inference {
namespace {

constexpr std::size_t kRank = 4;
constexpr float kAlpha = 8;

struct Pair {
  std::string gguf, hf;  // names of the layer
  std::size_t outputs, inputs;
  std::vector<float> down, up;
};

std::vector<float> random_values(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 0.2F);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

std::vector<Pair> pairs_of(const ModelConfig& config) {
  const std::size_t heads = config.heads * config.head_dim;
  const std::size_t kv_heads = config.kv_heads * config.head_dim;
  std::vector<Pair> pairs{{"attn_q", "self_attn.q_proj", heads, config.width, {}, {}},
                          {"attn_k", "self_attn.k_proj", kv_heads, config.width, {}, {}},
                          {"attn_v", "self_attn.v_proj", kv_heads, config.width, {}, {}},
                          {"attn_output", "self_attn.o_proj", config.width, heads, {}, {}},
                          {"ffn_gate", "mlp.gate_proj", config.feed_forward, config.width, {}, {}},
                          {"ffn_up", "mlp.up_proj", config.feed_forward, config.width, {}, {}},
                          {"ffn_down", "mlp.down_proj", config.width, config.feed_forward, {}, {}}};
  std::uint32_t seed = 1;
  for (Pair& pair : pairs) {
    pair.down = random_values(kRank * pair.inputs, seed++);
    pair.up = random_values(pair.outputs * kRank, seed++);
  }
  return pairs;
}

TensorView view_of(const std::vector<float>& values, std::uint64_t rows, std::uint64_t columns) {
  return {.dtype = "F32",
          .shape = {rows, columns},
          .bytes = {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}};
}

class AdapterTest : public ::testing::TestWithParam<std::string> {
 protected:
  ModelFile model_file(const std::string& architecture) {
    write_tiny_model({.architecture = architecture}, folder_ / "model.gguf");
    auto file = ModelFile::open(folder_ / "model.gguf");
    EXPECT_TRUE(file) << file.error().message;
    return *std::move(file);
  }

  void write_adapter(const std::vector<std::pair<std::string, TensorView>>& tensors,
                     const std::string& config) {
    std::ofstream(folder_ / "adapter_config.json") << config;
    std::ofstream(folder_ / "adapter_model.safetensors", std::ios::binary)
        << print_safetensors(tensors, {});
  }

  std::vector<std::pair<std::string, TensorView>> tensors_of(const std::vector<Pair>& pairs,
                                                             std::size_t layer) const {
    std::vector<std::pair<std::string, TensorView>> tensors;
    const std::string prefix = "base_model.model.model.layers." + std::to_string(layer) + ".";
    for (const Pair& pair : pairs) {
      tensors.emplace_back(prefix + pair.hf + ".lora_A.weight",
                           view_of(pair.down, kRank, pair.inputs));
      tensors.emplace_back(prefix + pair.hf + ".lora_B.weight",
                           view_of(pair.up, pair.outputs, kRank));
    }
    return tensors;
  }

  galley::testing::TempFolder folder_;
};

constexpr const char* kConfig = R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8})";

TEST_P(AdapterTest, ChangesTheLogitsAsMergedWeightsWould) {
  const ModelFile file = model_file(GetParam());
  const ModelConfig& config = file.config();
  const std::vector<Pair> pairs = pairs_of(config);
  write_adapter(tensors_of(pairs, 1), kConfig);

  ReferenceModel reference(file);
  const auto plain = reference.logits({5, 6, 7, 8, 9});
  for (const Pair& pair : pairs) {
    std::vector<float> up = pair.up;
    // GGUF's llama keeps a head's rotated pairs side by side; adapters keep the halves apart.
    if (config.adjacent_pairs && (pair.gguf == "attn_q" || pair.gguf == "attn_k"))
      for (std::size_t row = 0; row < pair.outputs; ++row) {
        const std::size_t head = row / config.head_dim * config.head_dim;
        const std::size_t within = row % config.head_dim;
        const std::size_t from = head + within / 2 + (within % 2) * config.head_dim / 2;
        for (std::size_t r = 0; r < kRank; ++r) up[row * kRank + r] = pair.up[from * kRank + r];
      }
    reference.add_low_rank("blk.1." + pair.gguf, pair.down, up,
                           static_cast<double>(kAlpha) / static_cast<double>(kRank));
  }
  const std::vector<text::TokenId> tokens{5, 6, 7, 8, 9};
  const auto adapted = reference.logits(tokens);

  for (const std::size_t devices : {1U, 2U}) {
    auto group = tensor::make_cpu_group({.devices = devices, .threads = 2, .isa = {}});
    ASSERT_TRUE(group);
    auto model = LanguageModel::load(file, **group,
                                     {.kv_format = tensor::KvFormat::f32,
                                      .kv_tokens = 64,
                                      .max_rows = 16,
                                      .max_logit_rows = 16,
                                      .activation = tensor::Activation::f32});
    ASSERT_TRUE(model) << model.error().message;
    const auto adapter = (*model)->load_adapter(folder_.path());
    ASSERT_TRUE(adapter) << adapter.error().message;

    // One step in which one sequence is adapted and its twin is not.
    const std::vector<std::uint32_t> first{0};
    const std::vector<std::uint32_t> second{1};
    const ForwardSequence step[] = {
        {.tokens = tokens, .pages = first, .logit_rows = 5},
        {.tokens = tokens, .pages = second, .logit_rows = 5, .adapter = *adapter}};
    std::vector<float> logits(10 * config.vocabulary);
    (*model)->forward(step, logits);
    for (std::size_t t = 0; t < tokens.size(); ++t)
      for (std::size_t i = 0; i < config.vocabulary; ++i) {
        EXPECT_NEAR(static_cast<double>(logits[t * config.vocabulary + i]), plain[t][i], 1e-4);
        EXPECT_NEAR(static_cast<double>(logits[(5 + t) * config.vocabulary + i]), adapted[t][i],
                    1e-4);
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, AdapterTest, ::testing::Values("llama", "qwen2"),
                         [](const auto& tested) { return tested.param; });

TEST_P(AdapterTest, FaultsAreNamed) {
  const ModelFile file = model_file(GetParam());
  auto group = tensor::make_cpu_group({.devices = 1, .threads = 1, .isa = {}});
  ASSERT_TRUE(group);
  auto model = LanguageModel::load(file, **group, {.kv_tokens = 64, .max_rows = 16});
  ASSERT_TRUE(model);
  const auto fault = [&] {
    const auto adapter = (*model)->load_adapter(folder_.path());
    return adapter ? std::string("no fault") : adapter.error().message;
  };
  EXPECT_NE(fault(), "no fault");  // no files at all

  std::vector<Pair> pairs = pairs_of(file.config());
  write_adapter(tensors_of(pairs, 0), R"({"peft_type": "IA3"})");
  EXPECT_NE(fault().find("peft_type"), std::string::npos) << fault();
  write_adapter(tensors_of(pairs, 9), kConfig);
  EXPECT_NE(fault().find("layers.9"), std::string::npos) << fault();

  auto tensors = tensors_of(pairs, 0);
  tensors.erase(tensors.begin());
  write_adapter(tensors, kConfig);
  EXPECT_NE(fault().find("only one of"), std::string::npos) << fault();

  pairs.front().down.resize(kRank * (pairs.front().inputs - 1));
  --pairs.front().inputs;
  write_adapter(tensors_of(pairs, 0), kConfig);
  EXPECT_NE(fault().find("do not fit this model"), std::string::npos) << fault();
}

}  // namespace
}  // namespace galley::inference
