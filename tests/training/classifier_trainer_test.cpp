#include "training/classifier_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "inference/text_classifier.h"
#include "toy_data.h"
#include "training/accuracy.h"

namespace galley::training {
namespace {

using inference::TextClassifier;

const std::atomic<bool> kNeverStop = false;

LabelledTexts parse(const std::string& tsv, const std::vector<std::string>* labels = nullptr) {
  auto texts = LabelledTexts::parse(tsv, "toy.tsv", {}, labels);
  GALLEY_CHECK(texts.has_value(), "toy data is well-formed");
  return *std::move(texts);
}

TrainedClassifier train(const LabelledTexts& texts, const ClassifierOptions& options,
                        const std::function<void(const TrainProgress&)>& report = {}) {
  auto trained = train_classifier(texts, options, report, kNeverStop);
  GALLEY_CHECK(trained.has_value(), "toy training succeeds");
  return *std::move(trained);
}

TextClassifier serve(const LabelledTexts& texts, const TrainedClassifier& trained, bool int8) {
  inference::ClassifierCard card{.labels = texts.labels(), .ngrams = trained.options.ngrams};
  return TextClassifier({card, int8 ? quantize(trained.weights) : trained.weights});
}

double accuracy(const TextClassifier& classifier, const LabelledTexts& texts) {
  const auto measured = measure_accuracy(classifier, texts, 1);
  return measured ? *measured : -1;
}

TEST(TrainClassifier, LearnsAToyProblem) {
  const LabelledTexts texts = parse(testing::toy_reviews(2000, 1));
  const LabelledTexts test = parse(testing::toy_reviews(500, 2), &texts.labels());
  for (const std::uint32_t threads : {1U, 4U}) {
    const TrainedClassifier trained = train(texts, {.epochs = 5, .threads = threads});
    EXPECT_GE(accuracy(serve(texts, trained, true), test), 0.99) << threads;
    EXPECT_GE(trained.dev_accuracy.value_or(0), 0.97) << threads;
    EXPECT_EQ(trained.train_texts + trained.dev_texts, texts.size());
    EXPECT_NEAR(static_cast<double>(trained.dev_texts), 100, 60);
  }
}

TEST(TrainClassifier, LearnsManyClasses) {
  std::string tsv = "text\tintent\n";
  for (int i = 0; i < 3000; ++i) {
    const int c = i % 60;
    tsv += "please do action" + std::to_string(c * 7919) + " number " + std::to_string(i / 60) +
           " now\tintent_" + std::to_string(c) + "\n";
  }
  const LabelledTexts texts = parse(tsv);
  const TrainedClassifier trained = train(texts, {.threads = 2});
  EXPECT_EQ(trained.options.dim, 64U);
  EXPECT_GE(accuracy(serve(texts, trained, true), texts), 0.98);
}

TEST(TrainClassifier, OneThreadRepeatsBitForBit) {
  const LabelledTexts texts = parse(testing::toy_reviews(800, 3, 0.1));
  const ClassifierOptions options{.epochs = 3, .threads = 1, .seed = 5};
  const TrainedClassifier first = train(texts, options);
  const TrainedClassifier second = train(texts, options);
  EXPECT_EQ(print_weights(first.weights, ""), print_weights(second.weights, ""));
  EXPECT_EQ(first.dev_accuracy, second.dev_accuracy);
  ClassifierOptions other = options;
  other.seed = 6;
  EXPECT_NE(print_weights(train(texts, other).weights, ""), print_weights(first.weights, ""));
}

TEST(TrainClassifier, TheSplitDoesNotDependOnSeedOrOrder) {
  const LabelledTexts texts = parse(testing::toy_reviews(800, 3));
  const auto dev_texts = [&](std::uint64_t seed) {
    return train(texts, {.epochs = 1, .threads = 1, .seed = seed}).dev_texts;
  };
  EXPECT_EQ(dev_texts(1), dev_texts(2));
}

TEST(TrainClassifier, StopsEarlyAndKeepsTheBestPass) {
  const LabelledTexts texts = parse(testing::toy_reviews(1500, 4, 0.3));
  std::vector<double> dev;
  const TrainedClassifier trained =
      train(texts, {.epochs = 50, .patience = 3, .learning_rate = 0.1, .dropout = 0, .threads = 1},
            [&](const TrainProgress& progress) {
              if (progress.dev_accuracy) dev.push_back(*progress.dev_accuracy);
            });
  ASSERT_LT(trained.epochs, 50U);
  ASSERT_EQ(dev.size(), trained.epochs);
  EXPECT_EQ(trained.epochs, trained.best_epoch + 3);
  EXPECT_EQ(trained.dev_accuracy, std::ranges::max(dev));
  EXPECT_EQ(trained.dev_accuracy, dev[trained.best_epoch - 1]);
  EXPECT_FALSE(trained.stopped);
}

TEST(TrainClassifier, ReportsMonotonicProgress) {
  const LabelledTexts texts = parse(testing::toy_reviews(3000, 4));
  std::uint64_t last = 0;
  std::uint32_t passes = 0;
  const auto trained =
      train(texts, {.epochs = 4, .patience = 0, .threads = 2}, [&](const TrainProgress& progress) {
        EXPECT_GE(progress.step, last);
        last = progress.step;
        EXPECT_LE(progress.step, progress.total_steps);
        EXPECT_GT(progress.loss, 0);
        passes += progress.dev_accuracy ? 1 : 0;
      });
  EXPECT_EQ(passes, 4U);
  EXPECT_EQ(last, 4 * trained.train_texts);
  EXPECT_EQ(trained.tokens, 4 * trained.tokens_per_pass);
}

TEST(TrainClassifier, StopsWhenTold) {
  const LabelledTexts texts = parse(testing::toy_reviews(2000, 4));
  std::atomic<bool> stop = false;
  const auto trained = train_classifier(
      texts, {.epochs = 10'000, .patience = 0, .threads = 2},
      [&](const TrainProgress& progress) { stop = progress.epoch == 2; }, stop);
  ASSERT_TRUE(trained);
  EXPECT_TRUE(trained->stopped);
  EXPECT_GE(trained->epochs, 1U);
  EXPECT_LE(trained->epochs, 2U);
  EXPECT_GE(accuracy(serve(texts, *trained, false), texts), 0.9) << "what it has is usable";
}

TEST(TrainClassifier, Int8AgreesWithF32) {
  const LabelledTexts texts = parse(testing::toy_reviews(3000, 6, 0.15));
  const TrainedClassifier trained = train(texts, {.epochs = 4, .threads = 1});
  const TextClassifier f32 = serve(texts, trained, false);
  const TextClassifier int8 = serve(texts, trained, true);
  std::size_t equal = 0;
  for (std::size_t i = 0; i < texts.size(); ++i)
    equal += f32.predict(texts.text(i))->label_index == int8.predict(texts.text(i))->label_index;
  EXPECT_GE(static_cast<double>(equal), 0.995 * static_cast<double>(texts.size()));
}

TEST(TrainClassifier, RareNgramsGetNoRow) {
  const LabelledTexts texts = parse("text\tlabel\naa\tA\naa\tA\nbb\tB\nbb\tB\nzz\tB\n");
  const auto rows = [&](std::uint32_t min_count) {
    return train(texts, {.min_count = min_count, .epochs = 1, .threads = 1})
        .weights.index.row_count();
  };
  EXPECT_LT(rows(2), rows(1));
  EXPECT_EQ(rows(255), 0U);
}

TEST(TrainClassifier, ManagesWithTwoTexts) {
  const LabelledTexts texts = parse("text\tlabel\nyes\tA\nno\tB\n");
  const TrainedClassifier trained = train(texts, {.min_count = 1});
  EXPECT_EQ(trained.train_texts + trained.dev_texts, 2U);
  EXPECT_GE(trained.train_texts, 1U);
}

TEST(TrainClassifier, RefusesOptionsOutOfRange) {
  const LabelledTexts texts = parse("text\tlabel\nyes\tA\nno\tB\n");
  const auto field = [&](const ClassifierOptions& options) {
    const auto trained = train_classifier(texts, options, {}, kNeverStop);
    return trained ? std::string("none") : trained.error().field;
  };
  EXPECT_EQ(field({.buckets = 1000}), "buckets");
  EXPECT_EQ(field({.buckets = 512}), "buckets");
  EXPECT_EQ(field({.min_count = 0}), "min-count");
  EXPECT_EQ(field({.dim = 20}), "dim");
  EXPECT_EQ(field({.epochs = 0}), "epochs");
  EXPECT_EQ(field({.learning_rate = -1}), "lr");
  EXPECT_EQ(field({.dropout = 1}), "dropout");
  EXPECT_EQ(field({.threads = 5000}), "threads");
  EXPECT_EQ(field({.ngrams = {.char_min = 4, .char_max = 2}}), "char_min");
}

}  // namespace
}  // namespace galley::training
