#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "inference/model_file.h"
#include "inference/safetensors.h"
#include "model_files.h"
#include "support/temp_folder.h"
#include "tiny_model.h"

namespace galley::inference {
namespace {

using galley::testing::TempFolder;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class HfModelTest : public ::testing::Test {
 protected:
  std::filesystem::path published(const TinyModel& model, const Json& config,
                                  std::size_t shards = 1) {
    write_tiny_model(model, folder / "m.gguf");
    write_hf_folder(folder / "m.gguf", config, folder / "hf", shards);
    return folder / "hf";
  }
  /// The fault of a folder with this config.json, changed from the tiny Llama's.
  std::string config_fault(const Json& changes) {
    published({}, tiny_llama_config());
    Json config = tiny_llama_config();
    config.update(changes);
    put_bytes(folder / "hf" / "config.json", dump_json(config));
    return open_fault(folder / "hf");
  }
  std::vector<float> frequencies(const Json& changes) {
    EXPECT_EQ(config_fault(changes), "none");
    return ModelFile::open(folder / "hf")->config().inverse_frequencies;
  }

  TempFolder folder;
};

void expect_equal_weights(const ModelFile& hf, const ModelFile& gguf) {
  ASSERT_EQ(hf.tensors().size(), gguf.tensors().size());
  const std::size_t head_dim = gguf.config().head_dim;
  for (const auto& [name, stored] : gguf.tensors()) {
    const StoredTensor* other = hf.find(name);
    ASSERT_NE(other, nullptr) << name;
    ASSERT_EQ(other->shape, stored.shape) << name;
    std::vector<float> expected = values_of(stored);
    const bool rotated =
        name.find(".attn_q.") != std::string::npos || name.find(".attn_k.") != std::string::npos;
    if (rotated && gguf.config().adjacent_pairs) {
      // The same rows in the other order, which adjacent_pairs tells the engine.
      const std::vector<float> adjacent = expected;
      const std::size_t columns = stored.shape[1];
      for (std::size_t row = 0; row < stored.shape[0]; ++row) {
        const std::size_t at = row % head_dim;
        const std::size_t from = row - at + at % (head_dim / 2) * 2 + at / (head_dim / 2);
        for (std::size_t c = 0; c < columns; ++c)
          expected[row * columns + c] = adjacent[from * columns + c];
      }
    }
    EXPECT_EQ(values_of(*other), expected) << name;
  }
}

TEST_F(HfModelTest, ALlamaFolderIsTheSameModel) {
  const auto hf = ModelFile::open(published({}, tiny_llama_config(), 3));
  ASSERT_TRUE(hf) << describe(hf.error());
  const auto gguf = ModelFile::open(folder / "m.gguf");
  ASSERT_TRUE(gguf);
  expect_equal_weights(*hf, *gguf);
  EXPECT_EQ(hf->kind(), "safetensors");
  EXPECT_EQ(hf->config().architecture, "llama");
  EXPECT_FALSE(hf->config().adjacent_pairs);
  EXPECT_EQ(hf->config().inverse_frequencies, gguf->config().inverse_frequencies);
  EXPECT_EQ(hf->config().parameters, gguf->config().parameters);
  EXPECT_EQ(hf->tokenizer().tokens.size(), 320U);
  EXPECT_EQ(hf->paths().size(), 3U + 3);  // shards, index, config.json, tokenizer.gguf
}

TEST_F(HfModelTest, AGpt2FolderIsTurnedAndCut) {
  const auto hf =
      ModelFile::open(published({.architecture = "gpt2", .kv_heads = 4}, tiny_gpt2_config()));
  ASSERT_TRUE(hf) << describe(hf.error());
  const auto gguf = ModelFile::open(folder / "m.gguf");
  ASSERT_TRUE(gguf);
  expect_equal_weights(*hf, *gguf);
  EXPECT_EQ(hf->config().activation, FeedForward::gelu);
  EXPECT_EQ(hf->config().norm, tensor::NormKind::layer);
}

TEST_F(HfModelTest, Qwen3AndQwen2) {
  Json config = tiny_llama_config();
  config["architectures"] = {"Qwen3ForCausalLM"};
  config["tie_word_embeddings"] = true;
  const auto qwen3 = ModelFile::open(published({.architecture = "qwen3", .tied = true}, config));
  ASSERT_TRUE(qwen3) << describe(qwen3.error());
  EXPECT_TRUE(qwen3->config().qk_norm);
  EXPECT_EQ(qwen3->find("output.weight"), nullptr);
  config["architectures"] = {"Qwen2ForCausalLM"};
  config["tie_word_embeddings"] = false;
  const auto qwen2 = ModelFile::open(published({.architecture = "qwen2"}, config));
  ASSERT_TRUE(qwen2) << describe(qwen2.error());
  EXPECT_NE(qwen2->find("blk.1.attn_q.bias"), nullptr);
}

TEST_F(HfModelTest, EndTokensOfAllFiles) {
  const auto path = published({}, tiny_llama_config());
  put_bytes(path / "generation_config.json", R"({"eos_token_id": [2, 270, 271]})");
  put_bytes(path / "chat_template.jinja", "{{ messages }}");
  const auto file = ModelFile::open(path);
  ASSERT_TRUE(file) << describe(file.error());
  EXPECT_EQ(file->tokenizer().eos, 2);
  EXPECT_THAT(file->tokenizer().end_of_turn, ElementsAre(270, 271));
  EXPECT_EQ(file->tokenizer().chat_template, "{{ messages }}");
  put_bytes(path / "generation_config.json", R"({"eos_token_id": "no"})");
  EXPECT_THAT(open_fault(path), HasSubstr("generation_config.json: eos_token_id"));
}

TEST_F(HfModelTest, WhatAConfigMaySay) {
  EXPECT_EQ(config_fault({{"head_dim", nullptr}}), "none");
  EXPECT_THAT(config_fault({{"architectures", {"T5ForConditionalGeneration"}}}),
              HasSubstr("architecture 'T5ForConditionalGeneration'; expected LlamaForCausalLM"));
  EXPECT_THAT(config_fault({{"architectures", "LlamaForCausalLM"}}),
              HasSubstr("architectures should be a list of one name and is string"));
  EXPECT_THAT(config_fault({{"hidden_size", -64}}),
              HasSubstr("hidden_size should be a whole number from 0 and is number"));
  EXPECT_THAT(config_fault({{"hidden_size", 0}}), HasSubstr("width is 0"));
  EXPECT_THAT(config_fault({{"num_hidden_layers", 3}}),
              HasSubstr("'blk.2.attn_norm.weight' is missing"));
  EXPECT_THAT(config_fault({{"num_hidden_layers", 1}}), HasSubstr("has a tensor 'blk.1."));
  EXPECT_THAT(config_fault({{"vocab_size", 300}}), HasSubstr("has shape [320, 64]"));
  EXPECT_THAT(config_fault({{"head_dim", 20}}), HasSubstr("heads of 20 dimensions"));
  EXPECT_THAT(config_fault({{"hidden_act", "gelu"}}), HasSubstr("activation 'gelu'"));
  EXPECT_THAT(config_fault({{"quantization_config", {{"quant_method", "gptq"}}}}),
              HasSubstr("weights quantised by method 'gptq'"));
  EXPECT_THAT(config_fault({{"rms_norm_eps", "small"}}), HasSubstr("rms_norm_eps"));
  put_bytes(folder / "hf" / "config.json", "{");
  EXPECT_THAT(open_fault(folder / "hf"), HasSubstr("config.json: "));
  put_bytes(folder / "hf" / "config.json", "[]");
  EXPECT_THAT(open_fault(folder / "hf"), HasSubstr("should be an object"));
}

TEST_F(HfModelTest, RopeScalings) {
  const std::vector<float> plain = frequencies(Json::object());
  const auto linear = frequencies({{"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}});
  EXPECT_FLOAT_EQ(linear[3], plain[3] / 2);
  const auto llama3 = frequencies({{"rope_scaling",
                                    {{"rope_type", "llama3"},
                                     {"factor", 8.0},
                                     {"low_freq_factor", 1.0},
                                     {"high_freq_factor", 4.0},
                                     {"original_max_position_embeddings", 64}}}});
  // 64 tokens are 10.2 turns of wave 0, 3.2 of wave 1, and 1.02 of wave 2; the rest turn less.
  EXPECT_FLOAT_EQ(llama3[0], plain[0]);
  const double turns = 64 * static_cast<double>(plain[1]) / (2 * M_PI);
  const double kept = (turns - 1) / 3;
  EXPECT_FLOAT_EQ(llama3[1], static_cast<float>(kept * static_cast<double>(plain[1]) +
                                                (1 - kept) * static_cast<double>(plain[1]) / 8));
  EXPECT_FLOAT_EQ(llama3[7], plain[7] / 8);
  EXPECT_EQ(frequencies({{"rope_scaling", nullptr}}), plain);
  const Json yarn{{"rope_type", "yarn"}, {"factor", 4.0}, {"attention_factor", 1.5}};
  EXPECT_EQ(config_fault({{"rope_scaling", yarn}}), "none");
  EXPECT_FLOAT_EQ(ModelFile::open(folder / "hf")->config().rope_attention_scale, 1.5F);
  EXPECT_FLOAT_EQ(
      frequencies({{"rope_theta", nullptr},
                   {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 100.0}}}})[4],
      0.1F);
  EXPECT_THAT(config_fault({{"rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}}}),
              HasSubstr("rope scaling 'dynamic'; expected default, linear, yarn or llama3"));
  EXPECT_THAT(config_fault({{"rope_scaling", {{"type", "linear"}, {"factor", 0}}}}),
              HasSubstr("a scaling factor of 0"));
  EXPECT_THAT(config_fault({{"rope_scaling", {{"type", "llama3"}, {"factor", 8.0}}}}),
              HasSubstr("low_freq_factor 0"));
  EXPECT_THAT(config_fault({{"rope_theta", 0}}), HasSubstr("a base of 0"));
}

TEST_F(HfModelTest, SlidingWindows) {
  const auto window = [&](const Json& changes) {
    EXPECT_EQ(config_fault(changes), "none");
    return ModelFile::open(folder / "hf")->config().sliding_window;
  };
  EXPECT_EQ(window({{"sliding_window", 128}}), 0U);
  EXPECT_EQ(window({{"architectures", {"MistralForCausalLM"}}, {"sliding_window", 128}}), 128U);
  EXPECT_EQ(window({{"architectures", {"MistralForCausalLM"}}, {"sliding_window", nullptr}}), 0U);
  const auto qwen = [&](bool used, int first_layer) -> Json {
    return {{"architectures", {"Qwen2ForCausalLM"}},
            {"sliding_window", 128},
            {"use_sliding_window", used},
            {"max_window_layers", first_layer}};
  };
  published({.architecture = "qwen2"}, tiny_llama_config());
  const auto qwen_fault = [&](bool used, int first_layer) {
    Json config = tiny_llama_config();
    config.update(qwen(used, first_layer));
    put_bytes(folder / "hf" / "config.json", dump_json(config));
    return open_fault(folder / "hf");
  };
  EXPECT_EQ(qwen_fault(false, 1), "none");
  EXPECT_EQ(qwen_fault(true, 2), "none");
  EXPECT_THAT(qwen_fault(true, 1), HasSubstr("a sliding window from layer 1 of 2 on"));
}

TEST_F(HfModelTest, ShardsAndIndex) {
  const auto path = published({}, tiny_llama_config(), 2);
  const auto index = [&](std::string_view text) {
    put_bytes(path / "model.safetensors.index.json", text);
    return open_fault(path);
  };
  EXPECT_THAT(index(R"({"weight_map": {"a": "../model-0.safetensors"}})"),
              HasSubstr("is not the name of a file beside it"));
  EXPECT_THAT(index(R"({"weight_map": {"a": 1}})"), HasSubstr("the file of 'a' is no string"));
  EXPECT_THAT(index(R"({"weight_map": {}})"), HasSubstr("names 0 files"));
  EXPECT_THAT(index("{}"), HasSubstr("no weight_map"));
  EXPECT_THAT(index(R"({"weight_map": {"a": "model-9.safetensors"}})"),
              HasSubstr("model-9.safetensors"));
  EXPECT_THAT(index(R"({"weight_map": {"a": "model-0.safetensors"}})"), HasSubstr("is missing"));
  std::filesystem::copy_file(path / "model-0.safetensors", path / "model-7.safetensors");
  EXPECT_THAT(index(R"({"weight_map": {"a": "model-0.safetensors", "b": "model-7.safetensors"}})"),
              HasSubstr("are the same tensor"));
}

TEST_F(HfModelTest, FilesThatAreNotThere) {
  const auto path = published({}, tiny_llama_config());
  std::filesystem::remove(path / "tokenizer.gguf");
  EXPECT_THAT(open_fault(path), HasSubstr("has neither tokenizer.json nor tokenizer.gguf"));
  std::filesystem::remove(path / "model.safetensors");
  EXPECT_THAT(open_fault(path), HasSubstr("model.safetensors"));
  put_bytes(path / "pytorch_model.bin", "x");
  EXPECT_THAT(open_fault(path), HasSubstr("in pytorch_model.bin"));
}

TEST_F(HfModelTest, I8NeedsItsScales) {
  const auto path = published({}, tiny_llama_config());
  const std::string bytes = bytes_of(path / "model.safetensors");
  const auto parsed = Safetensors::parse(bytes);
  ASSERT_TRUE(parsed);
  const std::string name = "model.layers.0.mlp.up_proj.weight";
  const std::string rounded(96 * 64, '\3');
  std::vector<float> scales(96, 0.5F);
  scales[1] = 2;
  const TensorView scale_view{
      "F32", {96}, {reinterpret_cast<const char*>(scales.data()), scales.size() * 4}};
  const auto write = [&](const TensorView* scale, const char* dtype) {
    std::vector<std::pair<std::string, TensorView>> tensors;
    for (const auto& [each, view] : parsed->tensors)
      if (each != name) tensors.emplace_back(each, view);
    tensors.emplace_back(name, TensorView{dtype, {96, 64}, rounded});
    if (scale != nullptr) tensors.emplace_back(name + "_scale", *scale);
    put_bytes(path / "model.safetensors", print_safetensors(tensors, {}));
  };
  write(&scale_view, "I8");
  const auto file = ModelFile::open(path);
  ASSERT_TRUE(file) << describe(file.error());
  const StoredTensor& up = *file->find("blk.0.ffn_up.weight");
  EXPECT_EQ(up.format, tensor::Format::i8);
  EXPECT_EQ(values_of(up)[0], 1.5F);
  EXPECT_EQ(values_of(up)[64], 6);
  write(nullptr, "I8");
  EXPECT_THAT(open_fault(path), HasSubstr("'blk.0.ffn_up.weight_scale' is missing"));
  const TensorView short_scale{"F32", {95}, scale_view.bytes.substr(4)};
  write(&short_scale, "I8");
  EXPECT_THAT(open_fault(path), HasSubstr("is F32 [95], not F32 [96]"));
  write(nullptr, "F8_E4M3");
  EXPECT_THAT(open_fault(path), HasSubstr("is of type F8_E4M3"));
}

}  // namespace
}  // namespace galley::inference
