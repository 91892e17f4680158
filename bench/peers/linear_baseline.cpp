#include "peers/linear_baseline.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <vector>

namespace galley::bench {
namespace {

constexpr std::size_t kLongestNgram = 4;

/// Positions at which the characters of a text begin, and its end.
void find_characters(std::string_view text, std::vector<std::size_t>& starts) {
  starts.clear();
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) starts.push_back(i);
  starts.push_back(text.size());
}

std::uint32_t hash_bytes(std::string_view bytes) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619U;
  return hash ^ hash >> 15U;
}

/// Distinct buckets of each text, one text after the other.
struct Features {
  std::vector<std::uint32_t> buckets;
  std::vector<std::size_t> offsets{0};
  std::vector<std::uint32_t> labels;

  Features(std::span<const BaselineText> texts, std::uint32_t bucket_bits) {
    std::vector<std::size_t> starts;
    std::vector<std::uint32_t> mine;
    for (const BaselineText& text : texts) {
      find_characters(text.text, starts);
      mine.clear();
      for (std::size_t i = 0; i + 1 < starts.size(); ++i)
        for (std::size_t n = 1; n <= kLongestNgram && i + n < starts.size(); ++n)
          mine.push_back(hash_bytes(text.text.substr(starts[i], starts[i + n] - starts[i])) &
                         ((1U << bucket_bits) - 1));
      std::ranges::sort(mine);
      mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
      buckets.insert(buckets.end(), mine.begin(), mine.end());
      offsets.push_back(buckets.size());
      labels.push_back(text.label);
    }
  }
  std::span<const std::uint32_t> of(std::size_t i) const {
    return std::span(buckets).subspan(offsets[i], offsets[i + 1] - offsets[i]);
  }
  std::size_t size() const { return labels.size(); }
};

class LinearModel {
 public:
  explicit LinearModel(const BaselineOptions& options)
      : options_(options),
        weights_((std::size_t{options.classes} << options.bucket_bits) + options.classes),
        squares_(weights_.size(), 1e-8F),
        scores_(options.classes) {}

  /// Fills scores_ with the classes' probabilities; features count 1 / sqrt(their number) each.
  std::uint32_t predict(std::span<const std::uint32_t> buckets) {
    const std::size_t classes = options_.classes;
    std::ranges::fill(scores_, 0.0F);
    for (const std::uint32_t bucket : buckets)
      for (std::size_t c = 0; c < classes; ++c) scores_[c] += weights_[bucket * classes + c];
    for (std::size_t c = 0; c < classes; ++c)
      scores_[c] = scores_[c] * value(buckets) + weights_[bias_at() + c];
    const auto best = std::ranges::max_element(scores_);
    const float largest = *best;
    float sum = 0;
    for (float& x : scores_) sum += x = std::exp(x - largest);
    for (float& x : scores_) x /= sum;
    return static_cast<std::uint32_t>(best - scores_.begin());
  }

  void learn(std::span<const std::uint32_t> buckets, std::uint32_t label) {
    predict(buckets);
    scores_[label] -= 1;
    const std::size_t classes = options_.classes;
    for (const std::uint32_t bucket : buckets)
      for (std::size_t c = 0; c < classes; ++c)
        step(bucket * classes + c, scores_[c] * value(buckets));
    for (std::size_t c = 0; c < classes; ++c) step(bias_at() + c, scores_[c]);
  }

  double accuracy(const Features& texts) {
    std::size_t right = 0;
    for (std::size_t i = 0; i < texts.size(); ++i)
      right += predict(texts.of(i)) == texts.labels[i] ? 1 : 0;
    return static_cast<double>(right) / static_cast<double>(std::max<std::size_t>(texts.size(), 1));
  }

 private:
  std::size_t bias_at() const { return std::size_t{options_.classes} << options_.bucket_bits; }
  static float value(std::span<const std::uint32_t> buckets) {
    return 1 / std::sqrt(static_cast<float>(std::max<std::size_t>(buckets.size(), 1)));
  }
  void step(std::size_t at, float gradient) {
    squares_[at] += gradient * gradient;
    weights_[at] -= static_cast<float>(options_.learning_rate) * gradient / std::sqrt(squares_[at]);
  }

  BaselineOptions options_;
  std::vector<float> weights_;  // [buckets, classes], then the biases
  std::vector<float> squares_;
  std::vector<float> scores_;
};

}  // namespace

BaselineResult run_linear_baseline(std::span<const BaselineText> train,
                                   std::span<const BaselineText> dev,
                                   std::span<const BaselineText> test,
                                   const BaselineOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const Features train_features(train, options.bucket_bits);
  const Features dev_features(dev, options.bucket_bits);
  LinearModel model(options);
  LinearModel best = model;
  std::vector<std::size_t> order(train_features.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(options.seed);
  BaselineResult result;
  for (std::uint32_t epoch = 0; epoch < options.epochs; ++epoch) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) model.learn(train_features.of(i), train_features.labels[i]);
    const double accuracy = model.accuracy(dev_features);
    if (accuracy < result.dev_accuracy) continue;
    result.dev_accuracy = accuracy;
    best = model;
  }
  result.train_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.test_accuracy = best.accuracy(Features(test, options.bucket_bits));
  return result;
}

}  // namespace galley::bench
