#include "inference/language_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "reference_model.h"
#include "support/temp_folder.h"
#include "tiny_model.h"

namespace galley::inference {
namespace {

using tensor::Activation;
using tensor::Format;
using ::testing::ElementsAreArray;
using text::TokenId;

std::vector<TokenId> some_tokens(std::size_t count, std::uint32_t seed = 7) {
  std::mt19937 random(seed);
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % 320);
  return tokens;
}

/// A model on a group of devices, with one call for each way of running it.
class Loaded {
 public:
  Loaded(const ModelFile& file, std::size_t devices, std::uint32_t threads, LoadOptions options) {
    auto group = tensor::make_cpu_group({.devices = devices, .threads = threads, .isa = {}});
    EXPECT_TRUE(group) << group.error().message;
    group_ = *std::move(group);
    if (options.kv_tokens == 0) options.kv_tokens = 1024;
    auto model = LanguageModel::load(file, *group_, options);
    EXPECT_TRUE(model) << model.error().message;
    model_ = *std::move(model);
  }

  LanguageModel& model() { return *model_; }
  tensor::DeviceGroup& group() { return *group_; }

  /// Logits after each of the tokens, run in chunks of so many; pages from `first_page`, backwards.
  std::vector<float> logits(std::span<const TokenId> tokens, std::size_t chunk,
                            std::uint32_t first_page = 0, AdapterIndex adapter = 0) {
    std::vector<std::uint32_t> pages(tokens.size() / tensor::kPageTokens + 1);
    std::iota(pages.rbegin(), pages.rend(), first_page);
    std::vector<float> all(tokens.size() * model_->vocabulary());
    for (std::size_t at = 0; at < tokens.size(); at += chunk) {
      const std::size_t count = std::min(chunk, tokens.size() - at);
      const ForwardSequence sequence{.tokens = tokens.subspan(at, count),
                                     .first_position = static_cast<std::uint32_t>(at),
                                     .pages = pages,
                                     .logit_rows = static_cast<std::uint32_t>(count),
                                     .adapter = adapter};
      model_->forward({&sequence, 1}, std::span(all).subspan(at * model_->vocabulary()));
    }
    return all;
  }

  std::vector<TokenId> greedy(std::vector<TokenId> tokens, std::size_t count) {
    std::vector<TokenId> out;
    std::vector<std::uint32_t> pages((tokens.size() + count) / tensor::kPageTokens + 1);
    std::iota(pages.begin(), pages.end(), 0);
    std::vector<float> row(model_->vocabulary());
    std::uint32_t position = 0;
    while (out.size() < count) {
      const ForwardSequence sequence{
          .tokens = tokens, .first_position = position, .pages = pages, .logit_rows = 1};
      model_->forward({&sequence, 1}, row);
      position += static_cast<std::uint32_t>(tokens.size());
      tokens = {static_cast<TokenId>(std::ranges::max_element(row) - row.begin())};
      out.push_back(tokens.front());
    }
    return out;
  }

 private:
  std::unique_ptr<tensor::DeviceGroup> group_;
  std::unique_ptr<LanguageModel> model_;
};

class LanguageModelTest : public ::testing::Test {
 protected:
  ModelFile file_of(const TinyModel& model) {
    const auto path = folder_ / (std::to_string(count_++) + ".gguf");
    write_tiny_model(model, path);
    auto file = ModelFile::open(path);
    EXPECT_TRUE(file) << file.error().message;
    return *std::move(file);
  }

  galley::testing::TempFolder folder_;
  int count_ = 0;
};

constexpr LoadOptions kExact{.kv_format = tensor::KvFormat::f32,
                             .max_rows = 64,
                             .max_logit_rows = 64,
                             .activation = Activation::f32};
constexpr LoadOptions kUsual{.max_rows = 64, .max_logit_rows = 64};

class Families : public LanguageModelTest, public ::testing::WithParamInterface<TinyModel> {};

TEST_P(Families, LogitsAreThoseOfTheReferenceInDoublePrecision) {
  const ModelFile file = file_of(GetParam());
  const auto tokens = some_tokens(40);
  const auto expected = ReferenceModel(file).logits(tokens);
  Loaded loaded(file, 1, 2, kExact);

  const auto found = loaded.logits(tokens, 64);

  double worst = 0;
  for (std::size_t t = 0; t < tokens.size(); ++t)
    for (std::size_t i = 0; i < GetParam().vocabulary; ++i)
      worst = std::max(worst, std::abs(static_cast<double>(found[t * GetParam().vocabulary + i]) -
                                       expected[t][i]));
  EXPECT_LT(worst, 1e-4);
}

TEST_P(Families, TheSameBitsHoweverAPromptIsCutIntoSteps) {
  const ModelFile file = file_of(GetParam());
  const auto tokens = some_tokens(40);
  Loaded loaded(file, 1, 2, kUsual);
  const auto whole = loaded.logits(tokens, 64);
  for (const std::size_t chunk : {1U, 3U, 16U, 17U})
    EXPECT_EQ(loaded.logits(tokens, chunk, 5), whole) << "chunks of " << chunk;
  Loaded one_thread(file, 1, 1, kUsual);
  EXPECT_EQ(one_thread.logits(tokens, 64), whole) << "one thread";
}

TEST_P(Families, SeveralDevicesGiveTheSameGreedyText) {
  const ModelFile file = file_of(GetParam());
  const auto prompt = some_tokens(20);
  Loaded alone(file, 1, 2, kExact);
  const auto text = alone.greedy(prompt, 32);
  const auto logits = alone.logits(prompt, 64);
  for (const std::size_t devices : {std::size_t{2}, GetParam().kv_heads}) {
    Loaded group(file, devices, 2, kExact);
    EXPECT_THAT(group.greedy(prompt, 32), ElementsAreArray(text)) << devices << " devices";
    const auto shared = group.logits(prompt, 64);
    float worst = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      worst = std::max(worst, std::abs(logits[i] - shared[i]));
    EXPECT_LT(worst, 1e-4F);
    EXPECT_GT(group.group().communication().calls, 0U);
    EXPECT_GT(group.group().communication().bytes, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Families,
    ::testing::Values(TinyModel{}, TinyModel{.tied = true},
                      TinyModel{.architecture = "llama", .kv_heads = 4},
                      TinyModel{.architecture = "qwen2"},
                      TinyModel{.architecture = "qwen3", .head_dim = 32},
                      TinyModel{.architecture = "gpt2", .kv_heads = 4, .tied = true}),
    [](const auto& tested) {
      return tested.param.architecture + (tested.param.tied ? "_tied" : "") + "_" +
             std::to_string(tested.index);
    });

class Formats : public LanguageModelTest, public ::testing::WithParamInterface<Format> {
 protected:
  TinyModel model() const {
    return {.width = 256,
            .heads = 4,
            .kv_heads = 4,
            .head_dim = 64,
            .feed_forward = 512,
            .format = GetParam()};
  }
};

TEST_P(Formats, ARowHasTheSameBitsWhateverSharesItsStep) {
  const ModelFile file = file_of(model());
  const auto tokens = some_tokens(24);
  const auto others = some_tokens(64, 99);
  Loaded loaded(file, 1, 2, kUsual);
  const auto alone = loaded.logits(tokens, 64);

  std::vector<std::uint32_t> pages{2, 1};
  std::vector<std::vector<std::uint32_t>> other_pages;
  std::vector<ForwardSequence> step;
  for (std::uint32_t i = 0; i < 15; ++i) other_pages.push_back({3 + i});
  for (std::uint32_t i = 0; i < 15; ++i) {
    if (i == 7)
      step.push_back({.tokens = std::span(tokens).first(20), .pages = pages, .logit_rows = 20});
    step.push_back(
        {.tokens = std::span(others).subspan(i, 2), .pages = other_pages[i], .logit_rows = 1});
  }
  std::vector<float> batched(35 * loaded.model().vocabulary());
  loaded.model().forward(step, batched);

  const std::size_t vocabulary = loaded.model().vocabulary();
  const auto mine = std::span(batched).subspan(7 * vocabulary, 20 * vocabulary);
  EXPECT_TRUE(std::ranges::equal(mine, std::span(alone).first(20 * vocabulary)));
}

TEST_P(Formats, QuantisedProductsStayNearTheReference) {
  const ModelFile file = file_of(model());
  const auto tokens = some_tokens(20);
  const auto expected = ReferenceModel(file).logits(tokens);
  Loaded loaded(file, 1, 2, kUsual);
  const auto found = loaded.logits(tokens, 64);
  double squares = 0;
  double signal = 0;
  for (std::size_t t = 0; t < tokens.size(); ++t)
    for (std::size_t i = 0; i < expected[t].size(); ++i) {
      const double difference =
          static_cast<double>(found[t * expected[t].size() + i]) - expected[t][i];
      squares += difference * difference;
      signal += expected[t][i] * expected[t][i];
    }
  // Inputs rounded to 8 bits cost about one part in a hundred of a random signal.
  EXPECT_LT(std::sqrt(squares / signal), 0.03);
}

TEST_P(Formats, DevicesHoldTheirShareAndNoMore) {
  TinyModel wide = model();
  wide.width = 1024;
  wide.heads = wide.kv_heads = 16;
  wide.feed_forward = 1024;
  wide.layers = 1;
  const ModelFile file = file_of(wide);
  Loaded alone(file, 1, 2, kUsual);
  const double whole = static_cast<double>(alone.model().memory().device_bytes.front());
  for (const std::size_t devices : {2U, 4U}) {
    Loaded group(file, devices, 2, kUsual);
    for (const std::size_t bytes : group.model().memory().device_bytes)
      EXPECT_LE(static_cast<double>(bytes), 1.1 * whole / static_cast<double>(devices));
  }
}

INSTANTIATE_TEST_SUITE_P(All, Formats,
                         ::testing::Values(Format::f32, Format::f16, Format::bf16, Format::q8_0,
                                           Format::q4_0, Format::q4_k, Format::q5_k, Format::q6_k),
                         [](const auto& tested) { return std::string(name_of(tested.param)); });

TEST_F(LanguageModelTest, EmbeddingsAreTheLastHiddenStates) {
  const ModelFile file = file_of({});
  Loaded loaded(file, 1, 2, kExact);
  const auto tokens = some_tokens(10);
  const std::vector<std::uint32_t> pages{0};
  std::vector<float> hidden(tokens.size() * loaded.model().width());
  const ForwardSequence sequence{.tokens = tokens, .pages = pages};
  loaded.model().embed({&sequence, 1}, hidden);
  // The norm's weights are near 1, so that each row's root mean square is too.
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const auto row = std::span(hidden).subspan(t * loaded.model().width(), loaded.model().width());
    EXPECT_NEAR(std::inner_product(row.begin(), row.end(), row.begin(), 0.0F) /
                    static_cast<float>(row.size()),
                1, 0.5);
  }
}

TEST_F(LanguageModelTest, PagesCanBeCopiedAndSwapped) {
  const ModelFile file = file_of({});
  Loaded loaded(file, 1, 2, kUsual);
  LanguageModel& model = loaded.model();
  const auto tokens = some_tokens(17);
  const auto whole = loaded.logits(tokens, 64);

  std::vector<std::uint32_t> pages{4, 5};
  std::vector<float> row(model.vocabulary());
  const ForwardSequence first{.tokens = std::span(tokens).first(16), .pages = pages};
  model.forward({&first, 1}, row);
  std::vector<std::byte> saved(model.page_bytes());
  model.read_page(4, saved);
  model.copy_page(4, 9);
  model.write_page(11, saved);
  for (const std::uint32_t page : {9U, 11U}) {
    const std::vector<std::uint32_t> moved{page, 5};
    const ForwardSequence last{
        .tokens = std::span(tokens).last(1), .first_position = 16, .pages = moved, .logit_rows = 1};
    model.forward({&last, 1}, row);
    EXPECT_TRUE(std::ranges::equal(row, std::span(whole).last(row.size()))) << page;
  }
}

TEST_F(LanguageModelTest, PagesTakeWhatTheirFormatSays) {
  const ModelFile file = file_of({});
  for (const auto format : {tensor::KvFormat::f32, tensor::KvFormat::f16, tensor::KvFormat::bf16,
                            tensor::KvFormat::int8}) {
    LoadOptions options = kUsual;
    options.kv_format = format;
    options.kv_tokens = 10 * tensor::kPageTokens;
    for (const std::size_t devices : {1, 2}) {
      Loaded loaded(file, devices, 2, options);
      const std::size_t page = kv_bytes_per_token(file.config(), format) * tensor::kPageTokens;
      EXPECT_EQ(loaded.model().page_bytes(), page) << name_of(format);
      EXPECT_EQ(loaded.model().memory().kv_bytes, 10 * page);
    }
  }
}

TEST_F(LanguageModelTest, HeadsThatDoNotDivideAreRefused) {
  const ModelFile file = file_of({});
  auto group = tensor::make_cpu_group({.devices = 3, .threads = 1, .isa = {}});
  ASSERT_TRUE(group);
  const auto model = LanguageModel::load(file, **group, kUsual);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, Errc::invalid_argument);
  EXPECT_EQ(model.error().field, "devices");
}

}  // namespace
}  // namespace galley::inference
