#include "inference/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "inference/synth.h"
#include "model_files.h"
#include "support/temp_folder.h"
#include "tiny_model.h"

namespace galley::inference {
namespace {

using galley::testing::TempFolder;
using namespace testing;
using tensor::Format;
using ::testing::HasSubstr;

/// Root of the squared error over the squared weights.
double distance(const ModelFile& a, const ModelFile& b) {
  double error = 0;
  double total = 0;
  for (const auto& [name, stored] : a.tensors()) {
    const std::vector<float> x = values_of(stored);
    const std::vector<float> y = values_of(*b.find(name));
    for (std::size_t i = 0; i < x.size(); ++i) {
      error += std::pow(static_cast<double>(x[i]) - static_cast<double>(y[i]), 2);
      total += std::pow(static_cast<double>(x[i]), 2);
    }
  }
  return std::sqrt(error / total);
}

SynthShape small_llama() {
  return {.name = "small",
          .layers = 8,
          .width = 256,
          .heads = 4,
          .kv_heads = 2,
          .feed_forward = 512,
          .context = 128,
          .vocabulary = 400};
}

class QuantizeTest : public ::testing::Test {
 protected:
  ModelFile opened(const std::string& name) {
    auto file = ModelFile::open(folder / name);
    EXPECT_TRUE(file) << describe(file.error());
    return *std::move(file);
  }
  void quantized(const std::string& from, const std::string& to, QuantMix mix) {
    const auto written = quantize(folder / from, folder / to, mix, {.threads = 2});
    ASSERT_TRUE(written) << describe(written.error());
  }
  void synthesized(const SynthShape& shape, const std::string& to, SynthOptions options = {}) {
    options.write.threads = 2;
    const auto written = synthesize(shape, options, folder / to);
    ASSERT_TRUE(written) << describe(written.error());
    EXPECT_EQ(written->file_bytes, std::filesystem::file_size(folder / to));
  }
  std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(
        std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()));
  }

  TempFolder folder;
};

TEST_F(QuantizeTest, MixNamesAndBack) {
  for (const QuantMix mix : {QuantMix::f16, QuantMix::bf16, QuantMix::q8_0, QuantMix::q4_0,
                             QuantMix::q4_k_m, QuantMix::i8})
    EXPECT_EQ(mix_of(name_of(mix)), mix);
  EXPECT_FALSE(mix_of("q3_k"));
  EXPECT_EQ(mix_names(), "f16, bf16, q8_0, q4_0, q4_k_m, i8");
}

TEST_F(QuantizeTest, TheMixOfQ4KM) {
  const auto format = [](std::string_view name, std::size_t layers, bool tied = false) {
    return format_for(QuantMix::q4_k_m,
                      {.name = name, .columns = 2048, .layers = layers, .tied = tied});
  };
  EXPECT_EQ(format("output.weight", 22), Format::q6_k);
  EXPECT_EQ(format("token_embd.weight", 22), Format::q4_k);
  EXPECT_EQ(format("token_embd.weight", 22, true), Format::q6_k);
  EXPECT_EQ(format("blk.3.attn_qkv.weight", 22), Format::q5_k);
  EXPECT_EQ(format("blk.3.attn_q.weight", 22), Format::q4_k);
  // Of 22 layers: 0 and 1, 19 and up, and every third from 4.
  std::string more;
  for (int layer = 0; layer < 22; ++layer)
    if (format("blk." + std::to_string(layer) + ".ffn_down.weight", 22) == Format::q6_k)
      more += std::to_string(layer) + " ";
  EXPECT_EQ(more, "0 1 4 7 10 13 16 19 20 21 ");
  EXPECT_EQ(format("blk.4.attn_v.weight", 22), Format::q6_k);
  EXPECT_EQ(format("blk.5.attn_v.weight", 22), Format::q4_k);
  EXPECT_EQ(
      format_for(
          QuantMix::q4_k_m,
          {.name = "blk.11.attn_v.weight", .columns = 8192, .layers = 80, .grouped_heads = true}),
      Format::q5_k);
}

TEST_F(QuantizeTest, FormatsThatDoNotFitGiveWay) {
  const auto format = [](QuantMix mix, std::string_view name, std::size_t columns) {
    return format_for(mix, {.name = name, .columns = columns, .layers = 6});
  };
  EXPECT_EQ(format(QuantMix::q4_0, "output.weight", 2048), Format::q6_k);
  EXPECT_EQ(format(QuantMix::q4_0, "output.weight", 288), Format::q8_0);
  EXPECT_EQ(format(QuantMix::q4_k_m, "blk.2.attn_q.weight", 288), Format::q5_0);
  EXPECT_EQ(format(QuantMix::q8_0, "blk.2.attn_q.weight", 20), Format::f16);
  EXPECT_EQ(format(QuantMix::i8, "blk.2.attn_q.weight", 20), Format::i8);
  EXPECT_EQ(format_for(QuantMix::q8_0, {.name = "output_norm.weight", .rank = 1, .columns = 64}),
            Format::f32);
  EXPECT_EQ(format(QuantMix::q8_0, "position_embd.weight", 64), Format::f32);
}

TEST_F(QuantizeTest, EachMixStaysNearTheWeights) {
  synthesized(small_llama(), "f16.gguf");
  const ModelFile f16 = opened("f16.gguf");
  const std::map<QuantMix, double> bounds{{QuantMix::bf16, 0.003},
                                          {QuantMix::q8_0, 0.006},
                                          {QuantMix::q4_0, 0.11},
                                          {QuantMix::q4_k_m, 0.08}};
  for (const auto& [mix, bound] : bounds) {
    quantized("f16.gguf", "q.gguf", mix);
    const ModelFile file = opened("q.gguf");
    EXPECT_LT(distance(f16, file), bound) << name_of(mix);
    EXPECT_LT(file.file_bytes(), f16.file_bytes() + 64);
    EXPECT_EQ(file.tokenizer().tokens.size(), 400U);
    EXPECT_EQ(file.config().name, "small");
  }
  EXPECT_EQ(file_count(), 2U);  // nothing half-written stays
}

TEST_F(QuantizeTest, ToI8AndBack) {
  synthesized(small_llama(), "f16.gguf");
  quantized("f16.gguf", "i8", QuantMix::i8);
  const ModelFile i8 = opened("i8");
  EXPECT_EQ(i8.kind(), "safetensors");
  EXPECT_EQ(i8.find("blk.0.attn_q.weight")->format, Format::i8);
  EXPECT_FALSE(i8.config().adjacent_pairs);
  EXPECT_EQ(i8.config().inverse_frequencies, opened("f16.gguf").config().inverse_frequencies);
  // Back in a GGUF file, rows of q and k stand where they were.
  quantized("i8", "again.gguf", QuantMix::f16);
  EXPECT_LT(distance(opened("f16.gguf"), opened("again.gguf")), 0.01);
  EXPECT_THAT(describe(quantize(folder / "i8", folder / "i8", QuantMix::i8, {}).error()),
              HasSubstr("into its own folder"));
}

TEST_F(QuantizeTest, Gpt2AndItsFusedMatrix) {
  SynthShape shape = small_llama();
  shape.architecture = "gpt2";
  shape.kv_heads = 4;
  shape.layers = 2;
  synthesized(shape, "f16.gguf");
  const ModelFile f16 = opened("f16.gguf");
  EXPECT_EQ(f16.tokenizer().kind, text::TokenizerKind::byte_bpe);
  quantized("f16.gguf", "q.gguf", QuantMix::q4_k_m);
  EXPECT_EQ(opened("q.gguf").find("blk.0.attn_k.weight")->format, Format::q5_k);
  EXPECT_LT(distance(f16, opened("q.gguf")), 0.08);
  quantized("f16.gguf", "i8", QuantMix::i8);
  quantized("i8", "again.gguf", QuantMix::f16);
  EXPECT_LT(distance(f16, opened("again.gguf")), 0.01);
}

TEST_F(QuantizeTest, APublishedFolderBecomesTheGgufThatItCameFrom) {
  for (const auto& [architecture, config] :
       {std::pair("llama", tiny_llama_config()), std::pair("gpt2", tiny_gpt2_config())}) {
    TinyModel model{.architecture = architecture};
    if (model.architecture == "gpt2") model.kv_heads = 4;
    write_tiny_model(model, folder / "m.gguf");
    write_hf_folder(folder / "m.gguf", config, folder / architecture);
    quantized(architecture, "q.gguf", QuantMix::q8_0);
    quantized("m.gguf", "expected.gguf", QuantMix::q8_0);
    EXPECT_EQ(distance(opened("expected.gguf"), opened("q.gguf")), 0) << architecture;
    EXPECT_EQ(opened("q.gguf").config().adjacent_pairs, architecture == std::string("llama"));
  }
}

TEST_F(QuantizeTest, ScalingSurvivesBothWays) {
  write_tiny_model({}, folder / "m.gguf");
  for (const Json& scaling :
       {Json{{"rope_type", "linear"}, {"factor", 2.0}},
        Json{{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 64}},
        Json{{"rope_type", "llama3"},
             {"factor", 8.0},
             {"low_freq_factor", 1.0},
             {"high_freq_factor", 4.0},
             {"original_max_position_embeddings", 64}}}) {
    Json config = tiny_llama_config();
    config["rope_scaling"] = scaling;
    write_hf_folder(folder / "m.gguf", config, folder / "hf");
    const ModelFile hf = opened("hf");
    quantized("hf", "q.gguf", QuantMix::f16);
    quantized("q.gguf", "i8", QuantMix::i8);
    for (const char* name : {"q.gguf", "i8"}) {
      const ModelFile file = opened(name);
      ASSERT_EQ(file.config().inverse_frequencies.size(), 8U);
      for (std::size_t i = 0; i < 8; ++i)
        EXPECT_FLOAT_EQ(file.config().inverse_frequencies[i], hf.config().inverse_frequencies[i]);
      EXPECT_FLOAT_EQ(file.config().rope_attention_scale, hf.config().rope_attention_scale);
      EXPECT_EQ(file.config().context, hf.config().context) << dump_json(scaling) << name;
    }
  }
}

TEST_F(QuantizeTest, AWeightThatIsNoNumberIsNamed) {
  write_tiny_model({}, folder / "m.gguf");
  std::string bytes = bytes_of(folder / "m.gguf");
  const auto parsed = Gguf::parse(bytes);
  ASSERT_TRUE(parsed);
  const auto at = static_cast<std::size_t>(
      parsed->tensors().at("blk.1.ffn_down.weight").bytes.data() - bytes.data());
  const float nothing = std::nanf("");
  std::memcpy(bytes.data() + at + 5 * 96 * 4, &nothing, 4);
  put_bytes(folder / "nan.gguf", bytes);
  const auto written = quantize(folder / "nan.gguf", folder / "q.gguf", QuantMix::q8_0, {});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message,
            "row 5 of tensor 'blk.1.ffn_down.weight' holds a weight that is no finite number");
  EXPECT_EQ(file_count(), 2U);
}

TEST_F(QuantizeTest, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  const auto written =
      synthesize(small_llama(), {.write = {.stop = stop.get_token()}}, folder / "m.gguf");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::unavailable);
  EXPECT_EQ(file_count(), 0U);
}

TEST_F(QuantizeTest, WhereNothingCanBeWritten) {
  EXPECT_EQ(synthesize(small_llama(), {}, folder / "absent" / "m.gguf").error().code,
            Errc::not_found);
  write_tiny_model({}, folder / "m.gguf");
  EXPECT_THAT(quantize(folder / "m.gguf", folder.path(), QuantMix::q8_0, {}).error().message,
              HasSubstr("is a folder"));
  EXPECT_THAT(quantize(folder / "m.gguf", folder / "m.gguf", QuantMix::i8, {}).error().message,
              HasSubstr("is a file"));
}

TEST_F(QuantizeTest, SynthIsDeterministicWhateverTheThreads) {
  synthesized(small_llama(), "a.gguf", {.mix = QuantMix::q8_0});
  const auto one = synthesize(small_llama(), {.mix = QuantMix::q8_0, .write = {.threads = 1}},
                              folder / "b.gguf");
  ASSERT_TRUE(one);
  EXPECT_EQ(bytes_of(folder / "a.gguf"), bytes_of(folder / "b.gguf"));
  synthesized(small_llama(), "c.gguf", {.mix = QuantMix::q8_0, .seed = 2});
  EXPECT_NE(bytes_of(folder / "a.gguf"), bytes_of(folder / "c.gguf"));
}

TEST_F(QuantizeTest, SynthHasTheDeviationThatItSays) {
  synthesized(small_llama(), "m.gguf");
  const ModelFile file = opened("m.gguf");
  const std::vector<float> values = values_of(*file.find("blk.3.ffn_up.weight"));
  double sum = 0;
  double squares = 0;
  for (const float value : values) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0, 3 * 0.02 / std::sqrt(count));
  EXPECT_NEAR(std::sqrt(squares / count), 0.02, 0.0003);
  EXPECT_EQ(values_of(*file.find("output_norm.weight")), std::vector<float>(256, 1));
}

TEST_F(QuantizeTest, SynthTakesAnotherFilesVocabulary) {
  synthesized(small_llama(), "words.gguf");
  SynthShape shape = small_llama();
  shape.layers = 1;
  shape.vocabulary = 1000;
  synthesized(shape, "m.gguf", {.seed = 3, .vocabulary = folder / "words.gguf"});
  const ModelFile file = opened("m.gguf");
  const ModelFile words = opened("words.gguf");
  EXPECT_EQ(file.config().vocabulary, 400U);
  EXPECT_EQ(file.tokenizer().tokens.back().text, words.tokenizer().tokens.back().text);
}

TEST_F(QuantizeTest, TheMadeUpTokenizersWork) {
  synthesized(small_llama(), "llama.gguf");
  SynthShape shape = small_llama();
  shape.architecture = "gpt2";
  shape.kv_heads = 4;
  synthesized(shape, "gpt2.gguf");
  for (const char* name : {"llama.gguf", "gpt2.gguf"}) {
    const auto tokenizer = text::Tokenizer::create(opened(name).tokenizer());
    ASSERT_TRUE(tokenizer) << describe(tokenizer.error());
    const std::string text = "Hello world, 안녕하세요 \n\t 12";
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text) << name;
  }
}

TEST_F(QuantizeTest, ShapesThatContradictThemselves) {
  const auto fault = [&](const std::function<void(SynthShape&)>& change) {
    SynthShape shape = small_llama();
    change(shape);
    return describe(synthesize(shape, {}, folder / "m.gguf").error());
  };
  EXPECT_THAT(fault([](SynthShape& shape) { shape.heads = 0; }), HasSubstr("into 0 heads"));
  EXPECT_THAT(fault([](SynthShape& shape) { shape.heads = 3; }), HasSubstr("into 3 heads"));
  EXPECT_THAT(fault([](SynthShape& shape) { shape.kv_heads = 3; }), HasSubstr("share 3 KV heads"));
  EXPECT_THAT(fault([](SynthShape& shape) { shape.vocabulary = 300; }), HasSubstr("at least 320"));
  EXPECT_THAT(fault([](SynthShape& shape) { shape.layers = 0; }), HasSubstr("layers is 0"));
  EXPECT_THAT(fault([](SynthShape& shape) { shape.architecture = "bert"; }), HasSubstr("'bert'"));
  EXPECT_THAT(describe(synthesize(small_llama(), {.mix = QuantMix::i8}, folder / "m").error()),
              HasSubstr("no place for i8"));
  for (const std::string& name : synth_preset_names()) EXPECT_TRUE(synth_preset(name)) << name;
  EXPECT_FALSE(synth_preset("7b"));
}

}  // namespace
}  // namespace galley::inference
