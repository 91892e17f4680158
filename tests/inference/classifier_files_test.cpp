#include "inference/classifier_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/file.h"
#include "support/child.h"
#include "support/temp_folder.h"
#include "tiny_classifier.h"

namespace galley::inference {
namespace {

using ::testing::HasSubstr;
using testing::TempFolder;
using testing::tiny_reviews;

std::string read(const std::filesystem::path& path) {
  auto bytes = read_file(path, 1 << 24);
  EXPECT_TRUE(bytes) << path;
  return bytes ? *bytes : "";
}

void write(const std::filesystem::path& path, const std::string& bytes) {
  ASSERT_TRUE(write_file_atomic(path, bytes, Durability::memory));
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

Error load_error(const std::filesystem::path& folder) {
  auto loaded = load_classifier(folder);
  EXPECT_FALSE(loaded);
  return loaded ? Error{} : std::move(loaded).error();
}

TEST(ClassifierFiles, ComeBackAsTheyWere) {
  const TempFolder folder;
  for (const bool int8 : {false, true}) {
    Classifier saved = tiny_reviews();
    if (int8) saved.weights = quantize(saved.weights);
    saved.card.metrics = {{"dev_accuracy", 0.875}};
    saved.card.seed = std::numeric_limits<std::uint64_t>::max();
    ASSERT_TRUE(save_classifier(folder / "m", saved.card, saved.weights));

    const auto loaded = load_classifier(folder / "m");

    ASSERT_TRUE(loaded) << describe(loaded.error());
    EXPECT_EQ(loaded->card, saved.card);
    EXPECT_EQ(loaded->card.embedding_type, int8 ? "int8" : "f32");
    EXPECT_EQ(loaded->weights.embedding, saved.weights.embedding);
    EXPECT_EQ(loaded->weights.embedding_i8, saved.weights.embedding_i8);
    EXPECT_EQ(loaded->weights.scales, saved.weights.scales);
    EXPECT_EQ(loaded->weights.output, saved.weights.output);
    EXPECT_EQ(loaded->weights.bias, saved.weights.bias);
    EXPECT_EQ(loaded->weights.index.bits(), saved.weights.index.bits());
  }
}

TEST(ClassifierFiles, AbsentOnesAreNamed) {
  const TempFolder folder;
  EXPECT_EQ(load_error(folder / "nothing").code, Errc::not_found);
  Classifier model = tiny_reviews();
  ASSERT_TRUE(save_classifier(folder / "m", model.card, model.weights));
  std::filesystem::remove(folder / "m" / kWeightsFile);
  EXPECT_EQ(load_error(folder / "m").code, Errc::not_found);
  EXPECT_THAT(load_error(folder / "m").message, HasSubstr("model.safetensors"));
}

TEST(ClassifierFiles, HalvesOfTwoModelsAreNoticed) {
  const TempFolder folder;
  Classifier one = tiny_reviews();
  Classifier other = tiny_reviews();
  other.weights.bias[0] = 0.5F;
  ASSERT_TRUE(save_classifier(folder / "one", one.card, one.weights));
  ASSERT_TRUE(save_classifier(folder / "other", other.card, other.weights));
  std::filesystem::copy_file(folder / "other" / kWeightsFile, folder / "one" / kWeightsFile,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(load_error(folder / "one").code, Errc::corrupt);
  EXPECT_THAT(load_error(folder / "one").message, HasSubstr("not of one model"));
}

TEST(ClassifierFiles, DamagedWeightsAreRefused) {
  const TempFolder folder;
  Classifier model = tiny_reviews();
  ASSERT_TRUE(save_classifier(folder / "m", model.card, model.weights));
  const std::string good = read(folder / "m" / kWeightsFile);
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{7}, good.size() / 2, good.size() - 1}) {
    write(folder / "m" / kWeightsFile, good.substr(0, length));
    EXPECT_EQ(load_error(folder / "m").code, Errc::corrupt) << length;
  }
  for (const auto& [from, to] :
       {std::pair{"\"index\"", "\"indox\""}, std::pair{"output.bias", "output.bios"},
        std::pair{"\"F32\"", "\"I32\""}, std::pair{"weights_sha256", "weights_sha265"}}) {
    std::string bytes = good;
    replace(bytes, from, to);
    write(folder / "m" / kWeightsFile, bytes);
    EXPECT_EQ(load_error(folder / "m").code, Errc::corrupt) << to;
  }
}

TEST(ClassifierFiles, WeightsOfWrongShapeOrValueAreRefused) {
  const auto error_of = [](const ClassifierWeights& weights) {
    std::string hash;
    const auto parsed = parse_weights(print_weights(weights, "x"), hash);
    return parsed ? std::string() : parsed.error().message;
  };
  const ClassifierWeights good = tiny_reviews().weights;
  EXPECT_EQ(error_of(good), "");
  EXPECT_EQ(error_of(quantize(good)), "");
  ClassifierWeights bad = good;
  bad.output[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(error_of(bad), HasSubstr("not finite"));
  bad = good;
  bad.embedding[3] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(error_of(bad), HasSubstr("not finite"));
  bad = good;
  bad.dim = 8;
  bad.output.resize(bad.classes * 8);
  bad.embedding.resize(bad.index.row_count() * 8);
  EXPECT_THAT(error_of(bad), HasSubstr("multiple of 16"));
  bad = good;
  bad.classes = 1;
  bad.output.resize(bad.dim);
  bad.bias.resize(1);
  EXPECT_THAT(error_of(bad), HasSubstr("at least 2 classes"));
  bad = good;
  std::vector<std::uint64_t> bits = good.index.bits();
  bits[0] ^= 1;  // one row more or less than the embedding has
  bad.index = RowIndex(bits);
  EXPECT_NE(error_of(bad), "");
}

TEST(ClassifierFiles, CardsThatAreNotOursAreRefused) {
  const TempFolder folder;
  Classifier model = tiny_reviews();
  ASSERT_TRUE(save_classifier(folder / "m", model.card, model.weights));
  const std::string good = read(folder / "m" / kCardFile);
  const auto damage = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    replace(text, from, to);
    write(folder / "m" / kCardFile, text);
    return load_error(folder / "m");
  };
  EXPECT_EQ(damage("\"version\": 1", "\"version\": 2").code, Errc::unsupported);
  EXPECT_EQ(damage("text-classifier", "image-classifier").code, Errc::unsupported);
  EXPECT_EQ(damage("galley-ngrams-1", "galley-ngrams-2").code, Errc::unsupported);
  EXPECT_EQ(damage("\"dim\": 16", "\"dim\": 32").code, Errc::corrupt);
  EXPECT_EQ(damage("\"dim\": 16", "\"dim\": -16").field, "dim");
  EXPECT_EQ(damage("\"char_min\": 1", "\"char_min\": 9").field, "ngrams.char_min");
  EXPECT_EQ(damage("\"good\"", "7").field, "labels");
  EXPECT_EQ(damage("\"seed\"", "\"sead\"").field, "seed");
  EXPECT_EQ(damage("{", "[").code, Errc::corrupt);
}

TEST(ClassifierFiles, FullDiskIsOneSentenceAndLeavesNoDebris) {
  const TempFolder folder;
  const int status = testing::with_small_disk(folder.path(), "8k", [&] {
    Classifier model = tiny_reviews();
    const auto saved = save_classifier(folder / "m", model.card, model.weights);
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().code, Errc::exhausted) << saved.error().message;
    EXPECT_THAT(saved.error().message, HasSubstr("model.safetensors"));
    EXPECT_TRUE(std::filesystem::is_empty(folder / "m"));
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "no private mounts here";
  EXPECT_EQ(status, 0);
}

TEST(ClassifierFiles, ReadOnlyFolderIsOneSentence) {
  const TempFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_read |
                                                  std::filesystem::perms::owner_exec |
                                                  std::filesystem::perms::others_exec);
  const int status = testing::as_nobody([&] {
    Classifier model = tiny_reviews();
    const auto saved = save_classifier(folder / "m", model.card, model.weights);
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().code, Errc::forbidden) << saved.error().message;
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "cannot become another user";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace galley::inference
