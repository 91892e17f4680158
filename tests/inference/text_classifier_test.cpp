#include "inference/text_classifier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "support/temp_folder.h"
#include "tensor/kernels.h"
#include "tiny_classifier.h"

namespace galley::inference {
namespace {

using testing::tiny_classifier;
using testing::tiny_reviews;

std::string label_of(const TextClassifier& classifier, std::string_view text) {
  const auto answer = classifier.predict(text);
  EXPECT_TRUE(answer) << answer.error().message;
  return answer ? classifier.labels()[answer->label_index] : "";
}

TEST(TextClassifier, AnswersWithALabelAndProbabilities) {
  const TextClassifier classifier(tiny_reviews());

  const auto answer = classifier.predict("영화가 정말 최고");

  ASSERT_TRUE(answer);
  EXPECT_EQ(classifier.labels()[answer->label_index], "good");
  ASSERT_EQ(answer->probabilities.size(), 2U);
  EXPECT_NEAR(std::accumulate(answer->probabilities.begin(), answer->probabilities.end(), 0.0), 1,
              1e-6);
  EXPECT_GT(answer->probabilities[answer->label_index], 0.5);
  EXPECT_EQ(label_of(classifier, "최악 지루하고"), "bad");
}

TEST(TextClassifier, FollowsItsFormula) {
  const Classifier model = tiny_reviews();
  const TextClassifier classifier(model);
  text::NgramScratch scratch;
  std::vector<std::uint32_t> hashes;
  const std::string text = "정말 최고 재미없다 그리고 모르는 말";
  ASSERT_TRUE(hash_ngrams(text, model.card.ngrams, scratch, hashes));
  std::vector<double> hidden(model.weights.dim);
  double n = 0;
  for (const std::uint32_t hash : hashes) {
    const std::uint32_t row = model.weights.index.find(hash);
    if (row == RowIndex::kNone) continue;
    ++n;
    for (std::size_t j = 0; j < hidden.size(); ++j)
      hidden[j] += double{model.weights.embedding[row * hidden.size() + j]};
  }
  const double difference = (hidden[0] - hidden[1]) / std::sqrt(n);

  const auto answer = classifier.predict(text);

  ASSERT_TRUE(answer);
  EXPECT_NEAR(answer->probabilities[0], 1 / (1 + std::exp(-difference)), 1e-5);
}

TEST(TextClassifier, SaysThePriorForTextsItKnowsNothingOf) {
  Classifier model = tiny_reviews();
  model.weights.bias = {0.0F, std::log(3.0F)};
  const TextClassifier classifier(std::move(model));
  for (const std::string_view text : {"", "   ", "Ж"}) {
    const auto answer = classifier.predict(text);
    ASSERT_TRUE(answer);
    EXPECT_NEAR(answer->probabilities[1], 0.75, 1e-6) << text;
  }
}

TEST(TextClassifier, RefusesInvalidUtf8) {
  const TextClassifier classifier(tiny_reviews());
  const auto answer = classifier.predict("good \xff");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::invalid_argument);
  EXPECT_EQ(classifier.predict(std::string(text::kMaxTextBytes + 1, 'x')).error().code,
            Errc::too_large);
}

TEST(TextClassifier, OpensASavedFolder) {
  const testing::TempFolder folder;
  Classifier model = tiny_reviews();
  model.weights = quantize(model.weights);
  ASSERT_TRUE(save_classifier(folder / "m", model.card, model.weights));

  const auto classifier = TextClassifier::open(folder / "m");

  ASSERT_TRUE(classifier) << classifier.error().message;
  EXPECT_EQ(label_of(**classifier, "정말 재미있다"), "good");
  EXPECT_GT((*classifier)->memory_bytes(), 65536);
  EXPECT_FALSE(TextClassifier::open(folder / "absent"));
}

TEST(TextClassifier, Int8AnswersNearlyAsF32) {
  const Classifier model = tiny_reviews();
  const TextClassifier f32(model);
  const TextClassifier int8({model.card, quantize(model.weights)});
  for (const std::string_view text : {"정말 재미없다", "최고 최악", "재미있다 지루하고", "정말"}) {
    const auto a = f32.predict(text);
    const auto b = int8.predict(text);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->label_index, b->label_index) << text;
    EXPECT_NEAR(a->probabilities[0], b->probabilities[0], 0.01) << text;
  }
}

TEST(TextClassifier, TellsManyClassesApart) {
  std::vector<std::pair<std::string, std::string>> examples;
  for (int c = 0; c < 16; ++c)
    examples.emplace_back("request " + std::string(4, static_cast<char>('a' + c)),
                          "intent" + std::to_string(c));
  const TextClassifier classifier(tiny_classifier(examples));
  for (const auto& [text, label] : examples) EXPECT_EQ(label_of(classifier, text), label);
}

TEST(TextClassifier, IsSharedByThreads) {
  const TextClassifier classifier(tiny_reviews());
  const auto expected = classifier.predict("정말 지루하고");
  ASSERT_TRUE(expected);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const auto answer = classifier.predict("정말 지루하고");
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->probabilities, expected->probabilities);
        EXPECT_TRUE(classifier.predict("최고"));
      }
    });
}

TEST(Quantize, KeepsValuesWithinHalfAStep) {
  const ClassifierWeights f32 = tiny_reviews().weights;
  const ClassifierWeights int8 = quantize(f32);
  ASSERT_TRUE(int8.is_int8());
  for (std::size_t i = 0; i < f32.embedding.size(); ++i) {
    const float scale = int8.scales[i / f32.dim];
    EXPECT_NEAR(scale * static_cast<float>(int8.embedding_i8[i]), f32.embedding[i],
                scale * 0.5001F);
  }
  EXPECT_EQ(int8.output, f32.output);
}

}  // namespace
}  // namespace galley::inference
