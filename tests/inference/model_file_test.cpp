#include "inference/model_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "model_files.h"
#include "support/temp_folder.h"
#include "tiny_model.h"

namespace galley::inference {
namespace {

using galley::testing::TempFolder;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ModelFileTest : public ::testing::Test {
 protected:
  std::filesystem::path made(TinyModel model = {}) {
    write_tiny_model(model, folder / "m.gguf");
    return folder / "m.gguf";
  }
  std::filesystem::path edited(const GgufEdit& edit, TinyModel model = {}) {
    edit_gguf(made(std::move(model)), edit, folder / "e.gguf");
    return folder / "e.gguf";
  }
  static auto without(std::string_view name) {
    return [name](std::string_view key) { return key != name; };
  }

  TempFolder folder;
};

TEST_F(ModelFileTest, OpensALlama) {
  const auto file = ModelFile::open(made({.format = tensor::Format::q8_0}));
  ASSERT_TRUE(file) << describe(file.error());
  const ModelConfig& config = file->config();
  EXPECT_EQ(config.architecture, "llama");
  EXPECT_EQ(config.name, "tiny");
  EXPECT_EQ(config.layers, 2U);
  EXPECT_EQ(config.kv_heads, 2U);
  EXPECT_EQ(config.head_dim, 16U);
  EXPECT_EQ(config.vocabulary, 320U);
  EXPECT_EQ(config.context, 256U);
  EXPECT_TRUE(config.adjacent_pairs);
  EXPECT_EQ(config.positions, PositionKind::rope);
  ASSERT_EQ(config.inverse_frequencies.size(), 8U);
  EXPECT_FLOAT_EQ(config.inverse_frequencies[0], 1);
  EXPECT_FLOAT_EQ(config.inverse_frequencies[4], 0.01F);
  EXPECT_EQ(file->kind(), "gguf");
  EXPECT_THAT(file->paths(), ElementsAre(folder / "m.gguf"));
  EXPECT_EQ(file->file_bytes(), std::filesystem::file_size(folder / "m.gguf"));
  EXPECT_EQ(file->tokenizer().tokens.size(), 320U);
  EXPECT_EQ(file->find("blk.1.attn_k.weight")->shape, (std::vector<std::size_t>{32, 64}));
  EXPECT_EQ(file->find("blk.0.attn_q.bias"), nullptr);
  const std::size_t parameters =
      2 * 320 * 64 + 64 + 2 * (2 * 64 + 2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 96);
  EXPECT_EQ(config.parameters, parameters);
  EXPECT_EQ(kv_bytes_per_token(config, tensor::KvFormat::f16), 2U * 2 * 2 * 16 * 2);
}

TEST_F(ModelFileTest, ReleasedPagesComeBackAlike) {
  const auto file = ModelFile::open(made());
  ASSERT_TRUE(file);
  const StoredTensor& tensor = *file->find("blk.0.ffn_up.weight");
  const std::vector<float> before = values_of(tensor);
  file->release(tensor);
  EXPECT_EQ(values_of(tensor), before);
}

TEST_F(ModelFileTest, TheArchitecturesDiffer) {
  const auto qwen2 = ModelFile::open(made({.architecture = "qwen2"}));
  ASSERT_TRUE(qwen2) << describe(qwen2.error());
  EXPECT_FALSE(qwen2->config().adjacent_pairs);
  EXPECT_NE(qwen2->find("blk.0.attn_q.bias"), nullptr);
  const auto qwen3 = ModelFile::open(made({.architecture = "qwen3", .tied = true}));
  ASSERT_TRUE(qwen3) << describe(qwen3.error());
  EXPECT_TRUE(qwen3->config().qk_norm);
  EXPECT_EQ(qwen3->find("output.weight"), nullptr);
}

TEST_F(ModelFileTest, FusedQkvIsCutIntoViews) {
  const auto path = made({.architecture = "gpt2", .kv_heads = 4, .format = tensor::Format::q8_0});
  const auto file = ModelFile::open(path);
  ASSERT_TRUE(file) << describe(file.error());
  EXPECT_EQ(file->config().activation, FeedForward::gelu);
  EXPECT_EQ(file->config().positions, PositionKind::learned);
  EXPECT_EQ(file->find("blk.0.attn_qkv.weight"), nullptr);
  const StoredTensor& q = *file->find("blk.0.attn_q.weight");
  const StoredTensor& v = *file->find("blk.0.attn_v.weight");
  EXPECT_EQ(q.shape, (std::vector<std::size_t>{64, 64}));
  EXPECT_EQ(v.bytes - q.bytes, 2 * 64 * 68);
  EXPECT_EQ(file->find("blk.0.attn_k.bias")->bytes - file->find("blk.0.attn_q.bias")->bytes,
            64 * 4);
}

TEST_F(ModelFileTest, MissingAndMisshapenTensorsAreNamed) {
  EXPECT_THAT(
      open_fault(edited(
          {.keep_tensor = [](std::string& name, auto&) { return name != "blk.1.ffn_up.weight"; }})),
      HasSubstr("tensor 'blk.1.ffn_up.weight' is missing; a llama model of this size "
                "needs it with shape [96, 64]"));
  EXPECT_THAT(open_fault(edited({.keep_tensor =
                                     [](std::string& name, auto& shape) {
                                       if (name == "blk.0.attn_k.weight") shape = {16, 64};
                                       return true;
                                     }})),
              HasSubstr("tensor 'blk.0.attn_k.weight' has shape [16, 64], where the model's "
                        "configuration asks for [32, 64]"));
  EXPECT_THAT(open_fault(edited({.keep_tensor =
                                     [](std::string& name, auto&) {
                                       if (name == "output.weight")
                                         name = "blk.0.ffn_gate_exps.weight";
                                       return true;
                                     }})),
              HasSubstr("'blk.0.ffn_gate_exps.weight' of shape [320, 64], which Galley's llama "
                        "has no place for"));
  EXPECT_THAT(open_fault(edited({.keep_tensor = [](std::string& name,
                                                   auto&) { return name != "blk.0.attn_v.bias"; }},
                                {.architecture = "qwen2"})),
              HasSubstr("'blk.0.attn_v.bias' is missing"));
  EXPECT_THAT(open_fault(edited({.keep_tensor =
                                     [](std::string& name, auto& shape) {
                                       if (name == "blk.0.attn_qkv.weight") shape = {190, 64};
                                       return true;
                                     }},
                                {.architecture = "gpt2", .kv_heads = 4})),
              HasSubstr("'blk.0.attn_qkv.weight' has shape [190, 64]"));
}

TEST_F(ModelFileTest, KeysThatAreMissingOrAbsurd) {
  const auto replaced = [&](const std::string& key, const std::function<void(GgufWriter&)>& add) {
    return open_fault(edited({.add = add, .keep_key = without(key)}));
  };
  const auto number = [&](const std::string& key, std::uint32_t value) {
    return replaced(key, [&](GgufWriter& writer) { writer.add_u32(key, value); });
  };
  EXPECT_THAT(open_fault(edited({.keep_key = without("llama.block_count")})),
              HasSubstr("key 'llama.block_count' is missing"));
  EXPECT_THAT(number("llama.block_count", 0), HasSubstr("count of layers is 0"));
  EXPECT_THAT(number("llama.block_count", 4'000'000'000U), HasSubstr("1 to 4096 are possible"));
  EXPECT_THAT(number("llama.block_count", 3), HasSubstr("'blk.2.attn_norm.weight' is missing"));
  EXPECT_THAT(number("llama.attention.head_count", 0), HasSubstr("count of heads is 0"));
  EXPECT_THAT(number("llama.attention.head_count_kv", 3), HasSubstr("4 heads cannot share 3"));
  EXPECT_THAT(number("llama.attention.key_length", 20), HasSubstr("values of 16"));
  EXPECT_THAT(number("llama.rope.dimension_count", 32), HasSubstr("32 rotated dimensions"));
  EXPECT_THAT(number("llama.rope.dimension_count", 7), HasSubstr("7 rotated dimensions"));
  EXPECT_THAT(number("llama.expert_count", 8), HasSubstr("a mixture of 8 experts"));
  EXPECT_THAT(number("llama.embedding_length", 128), HasSubstr("has shape"));
  EXPECT_THAT(
      replaced("general.architecture",
               [](GgufWriter& writer) { writer.add_string("general.architecture", "mamba"); }),
      HasSubstr("architecture 'mamba'; expected llama, qwen2, qwen3 or gpt2"));
  EXPECT_THAT(replaced("llama.rope.freq_base",
                       [](GgufWriter& writer) { writer.add_f32("llama.rope.freq_base", -1); }),
              HasSubstr("a base of -1"));
  EXPECT_THAT(
      replaced(
          "", [](GgufWriter& writer) { writer.add_string("llama.rope.scaling.type", "longrope"); }),
      HasSubstr("rope scaling 'longrope'"));
}

TEST_F(ModelFileTest, AnUnsupportedTypeIsNamed) {
  std::string bytes = bytes_of(made());
  const auto parsed = Gguf::parse(bytes);
  ASSERT_TRUE(parsed);
  // The type of token_embd.weight, behind its name and two dimensions, from F32 to F64's half: I16.
  const std::size_t name = bytes.find("token_embd.weight");
  bytes[name + 17 + 4 + 16] = 25;
  put_bytes(folder / "i16.gguf", bytes);
  EXPECT_THAT(open_fault(folder / "i16.gguf"),
              HasSubstr("tensor 'token_embd.weight' is of type I16"));
}

TEST_F(ModelFileTest, FrequenciesOfScaledModels) {
  const auto frequencies = [&](const std::function<void(GgufWriter&)>& add) {
    const auto file = ModelFile::open(edited({.add = add}));
    EXPECT_TRUE(file) << describe(file.error());
    return std::pair(file->config().inverse_frequencies, file->config());
  };
  const auto [plain, config] = frequencies([](GgufWriter&) {});
  const auto [linear, linear_config] = frequencies([](GgufWriter& writer) {
    writer.add_string("llama.rope.scaling.type", "linear");
    writer.add_f32("llama.rope.scaling.factor", 4);
  });
  for (std::size_t i = 0; i < 8; ++i) EXPECT_FLOAT_EQ(linear[i], plain[i] / 4);
  EXPECT_EQ(linear_config.context, 1024U);
  const auto [yarn, yarn_config] = frequencies([](GgufWriter& writer) {
    writer.add_string("llama.rope.scaling.type", "yarn");
    writer.add_f32("llama.rope.scaling.factor", 4);
    writer.add_u32("llama.rope.scaling.original_context_length", 256);
  });
  EXPECT_FLOAT_EQ(yarn[0], plain[0]);      // fast waves stay
  EXPECT_FLOAT_EQ(yarn[7], plain[7] / 4);  // slow ones are stretched
  EXPECT_LT(yarn[1], plain[1]);            // between them a ramp
  EXPECT_GT(yarn[1], plain[1] / 4);
  EXPECT_EQ(yarn_config.context, 1024U);
  EXPECT_FLOAT_EQ(yarn_config.rope_attention_scale, 1.1386294F);  // 0.1 ln 4 + 1
}

TEST_F(ModelFileTest, SplitFilesAreOneModel) {
  const auto whole = made();
  const auto part = [&](std::size_t index, std::size_t count) {
    return folder / fmt::format("m-{:05}-of-{:05}.gguf", index, count);
  };
  const auto write_part = [&](std::uint32_t index, bool first_half) {
    edit_gguf(whole,
              {.add =
                   [&](GgufWriter& writer) {
                     writer.add_u32("split.no", index);
                     writer.add_u32("split.count", 2);
                     writer.add_u32("split.tensors.count", 21);
                   },
               .keep_tensor = [&](std::string& name,
                                  auto&) { return name.starts_with("blk.0.") == first_half; }},
              part(index + 1, 2));
  };
  write_part(0, false);
  EXPECT_THAT(open_fault(part(1, 2)), HasSubstr("m-00002-of-00002.gguf"));
  write_part(1, true);
  for (const auto& path : {part(1, 2), part(2, 2)}) {
    const auto file = ModelFile::open(path);
    ASSERT_TRUE(file) << describe(file.error());
    EXPECT_EQ(file->paths().size(), 2U);
    EXPECT_EQ(file->tensors().size(), 21U);
  }
  write_part(0, true);  // the second part again, which says that it is the first
  EXPECT_THAT(open_fault(part(1, 2)), HasSubstr("is in two parts"));
  std::filesystem::copy_file(part(2, 2), part(1, 2),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(open_fault(part(1, 2)), HasSubstr("it is part 2 of 2, and it was read as part 1"));
  EXPECT_THAT(open_fault(part(3, 2)), HasSubstr("no file"));
  put_bytes(part(3, 2), "GGUF");
  EXPECT_THAT(open_fault(part(3, 2)), HasSubstr("names part 3 of 2"));
}

TEST_F(ModelFileTest, AFolderWithOneModelIsThatModel) {
  const auto path = made();
  EXPECT_EQ(open_fault(folder.path()), "none");
  std::filesystem::copy_file(path, folder / "other.gguf");
  EXPECT_THAT(open_fault(folder.path()), HasSubstr("2 GGUF files that are not one model"));
}

TEST_F(ModelFileTest, PathsThatAreNoModel) {
  EXPECT_THAT(open_fault(folder / "absent"), HasSubstr("there is no file or folder"));
  EXPECT_THAT(open_fault(folder.path()), HasSubstr("neither config.json nor a GGUF file"));
  put_bytes(folder / "empty.gguf", "");
  EXPECT_THAT(open_fault(folder / "empty.gguf"), HasSubstr("is empty"));
  put_bytes(folder / "model.safetensors", "x");
  EXPECT_THAT(open_fault(folder / "model.safetensors"), HasSubstr("its folder, or a GGUF file"));
  EXPECT_THAT(open_fault("/dev/null"), HasSubstr("is not a file"));
}

TEST_F(ModelFileTest, AFileCutInItsHeaderIsRefused) {
  const std::string bytes = bytes_of(made());
  const auto parsed = Gguf::parse(bytes);
  ASSERT_TRUE(parsed);
  const auto header = static_cast<std::size_t>(
      parsed->tensors().at("token_embd.weight").bytes.data() - bytes.data());
  put_bytes(folder / "cut.gguf", std::string_view(bytes).substr(0, header));
  for (std::size_t size = header; size > 0; --size) {
    std::filesystem::resize_file(folder / "cut.gguf", size);
    ASSERT_FALSE(ModelFile::open(folder / "cut.gguf")) << size;
  }
}

TEST_F(ModelFileTest, ADamagedHeaderNeverCrashes) {
  const std::string bytes = bytes_of(made());
  const std::size_t header = bytes.find("token_embd.weight");
  std::mt19937 random(5);
  for (int round = 0; round < 150; ++round) {
    std::string damaged = bytes;
    for (int edit = 0; edit < 3; ++edit)
      damaged[random() % (header + 200)] = static_cast<char>(random() % 256);
    put_bytes(folder / "damaged.gguf", damaged);
    (void)ModelFile::open(folder / "damaged.gguf").has_value();
  }
}

}  // namespace
}  // namespace galley::inference
