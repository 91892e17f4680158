#include "classifier/classifier_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <utility>
#include <vector>

#include "inference/text_classifier.h"
#include "peers/linear_baseline.h"
#include "training/accuracy.h"
#include "training/classifier_trainer.h"

namespace galley::bench {
namespace {

using inference::TextClassifier;
using training::LabelledTexts;

constexpr std::size_t kPredictTexts = 20'000;

/// What one seed gave.
struct SeedFigures {
  double accuracy = 0;
  double seconds = 0;
  double tokens_per_s_per_core = 0;
};

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double centre = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::vector<double> column(const std::vector<SeedFigures>& seeds, double SeedFigures::*member) {
  std::vector<double> values;
  for (const SeedFigures& seed : seeds) values.push_back(seed.*member);
  return values;
}

/// Mean microseconds of a prediction on this thread, over texts in their order, after a warm-up.
Result<double> time_predictions(const TextClassifier& classifier, const LabelledTexts& texts) {
  for (std::size_t i = 0; i < std::min<std::size_t>(texts.size(), 1000); ++i)
    GALLEY_TRY_STATUS(classifier.predict(texts.text(i)).and_then([](auto&&) { return ok(); }));
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < kPredictTexts; ++i)
    GALLEY_TRY_STATUS(
        classifier.predict(texts.text(i % texts.size())).and_then([](auto&&) { return ok(); }));
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  return took.count() / static_cast<double>(kPredictTexts);
}

/// Trains with one seed and measures; fills in the figures that do not vary with the seed.
Result<SeedFigures> run_seed(const LabelledTexts& train, const LabelledTexts& test,
                             std::uint64_t seed, std::uint32_t threads, BenchReport& report) {
  training::ClassifierOptions options;
  options.seed = seed;
  options.threads = threads;
  const std::atomic<bool> never_stop = false;
  GALLEY_TRY(auto trained, train_classifier(train, options, {}, never_stop));
  inference::ClassifierCard card{.labels = train.labels(), .ngrams = trained.options.ngrams};
  const auto weights = quantize(trained.weights);
  const std::size_t bytes = print_weights(weights, std::string(64, '0')).size();
  const TextClassifier classifier({std::move(card), weights});
  GALLEY_TRY(const double accuracy, measure_accuracy(classifier, test, threads));
  GALLEY_TRY(const double predict_us, time_predictions(classifier, test));
  const double rate =
      static_cast<double>(trained.tokens) / trained.seconds / trained.options.threads;
  fmt::print(stderr,
             "seed {}: test accuracy {:.2f} %, {} passes in {:.2f} s, {:.1f} M tokens/s a core\n",
             seed, accuracy * 100, trained.epochs, trained.seconds, rate / 1e6);
  report.figures["model_bytes"] = static_cast<double>(bytes);
  report.figures["predict_us"] = predict_us;
  return SeedFigures{accuracy, trained.seconds, rate};
}

BaselineResult run_baseline(const LabelledTexts& train, const LabelledTexts& test) {
  const auto part = [&](bool held_out) {
    std::vector<BaselineText> list;
    for (std::size_t i = 0; i < train.size(); ++i)
      if (training::is_held_out(train.text(i), training::ClassifierOptions{}.hold_out) == held_out)
        list.push_back({train.text(i), train.label(i)});
    return list;
  };
  std::vector<BaselineText> test_list;
  for (std::size_t i = 0; i < test.size(); ++i) test_list.push_back({test.text(i), test.label(i)});
  const auto result =
      run_linear_baseline(part(false), part(true), test_list,
                          {.classes = static_cast<std::uint32_t>(train.labels().size())});
  fmt::print(stderr, "linear baseline: test accuracy {:.2f} % in {:.2f} s on one core\n",
             result.test_accuracy * 100, result.train_seconds);
  return result;
}

}  // namespace

Result<BenchReport> run_classifier_bench(const ClassifierBenchOptions& options) {
  if (options.seeds == 0)
    return Error{Errc::invalid_argument, "the benchmark needs at least one seed", "seeds"};
  GALLEY_TRY(const auto files, training::find_data_files(options.data));
  if (!files.test)
    return Error{Errc::not_found, options.data.string() + " is not a folder with a test file"};
  GALLEY_TRY(const auto train, LabelledTexts::read(files.train, {}));
  GALLEY_TRY(const auto test, LabelledTexts::read(*files.test, {}, &train.labels()));
  fmt::print(stderr, "{} texts to train on, {} to test on, {} classes\n", train.size(), test.size(),
             train.labels().size());

  BenchReport report{.name = "classifier"};
  const BaselineResult baseline = run_baseline(train, test);
  std::vector<SeedFigures> seeds;
  for (std::uint32_t seed = 1; seed <= options.seeds; ++seed) {
    GALLEY_TRY(const auto figures, run_seed(train, test, seed, options.threads, report));
    seeds.push_back(figures);
    report.seeds.push_back(seed);
  }
  const auto accuracies = column(seeds, &SeedFigures::accuracy);
  report.figures["accuracy"] = mean(accuracies);
  report.figures["accuracy_sd"] = deviation(accuracies);
  report.figures["baseline_accuracy"] = baseline.test_accuracy;
  report.figures["train_seconds"] = median(column(seeds, &SeedFigures::seconds));
  report.figures["tokens_per_s_per_core"] =
      median(column(seeds, &SeedFigures::tokens_per_s_per_core));
  report.peers["linear_baseline"] = {{"accuracy", baseline.test_accuracy},
                                     {"train_seconds", baseline.train_seconds}};
  return report;
}

}  // namespace galley::bench
