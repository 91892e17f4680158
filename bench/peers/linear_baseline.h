#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace galley::bench {

/// A text and its class.
struct BaselineText {
  std::string_view text;
  std::uint32_t label = 0;
};

/// The plain linear model that a text classifier has to be worth its complexity against:
/// multinomial logistic regression on hashed character 1-4-grams, per-coordinate Adagrad (Duchi et
/// al. 2011).
struct BaselineOptions {
  std::uint32_t classes = 2;
  std::uint32_t bucket_bits = 22;
  std::uint32_t epochs = 5;     // the best of them by dev accuracy is measured
  double learning_rate = 0.15;  // found by cross-validation, as our own defaults were
  std::uint64_t seed = 1;       // of the order
};

struct BaselineResult {
  double dev_accuracy = 0;
  double test_accuracy = 0;
  double train_seconds = 0;  // one thread, hashing included
};

/// Memory: 8 bytes a bucket and class. Texts must be valid UTF-8.
BaselineResult run_linear_baseline(std::span<const BaselineText> train,
                                   std::span<const BaselineText> dev,
                                   std::span<const BaselineText> test,
                                   const BaselineOptions& options);

}  // namespace galley::bench
