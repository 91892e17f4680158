#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/result.h"
#include "inference/classifier_weights.h"
#include "text/ngrams.h"
#include "training/labelled_texts.h"

namespace galley::training {

/// How a classifier is trained. The defaults were chosen by cross-validation inside the training
/// part of Korean movie reviews (2 classes; 1,000 to 85,000 texts) and of English requests (11 and
/// 151).
struct ClassifierOptions {
  text::NgramOptions ngrams;
  std::uint32_t buckets = 0;  // hash space, a power of two from 2^10 to 2^24; 0: fitted to the data
  std::uint32_t min_count = 2;  // n-grams seen less often are dropped; 1 to 255
  std::uint32_t dim = 0;        // of the embedding: a multiple of 16 up to 1024; 0: by classes
  std::uint32_t epochs = 12;    // passes at most; the rate falls linearly to 0 over them
  std::uint32_t patience = 3;   // passes without a better dev accuracy before it stops; 0: never
  std::uint32_t hold_out = 20;  // one text in so many is held out; 2 to 1000
  double learning_rate = 0;     // at the start, up to 10; 0: by the numbers of texts and classes
  double dropout = 0.5;         // share of n-grams left out of each example at random; [0, 1)
  std::uint32_t threads = 0;    // 0: every core that this process may use
  std::uint64_t seed = 1;
};

/// The options with every 0 that means "fitted" replaced, but for buckets, which hashing settles:
/// dim 16, or 64 past 16 classes; rate 1.5 / sqrt(texts) x (classes / 2)^(1/4), since rare n-grams
/// of few texts must be learnt in few steps.
ClassifierOptions settle(const ClassifierOptions& options, std::size_t texts, std::size_t classes);

/// Errors: invalid_argument, naming the option.
Status check(const ClassifierOptions& options);

/// Where a training stands; given at most ten times a second and at the end of every pass.
struct TrainProgress {
  std::uint64_t step = 0;         // texts learnt from so far
  std::uint64_t total_steps = 0;  // if it goes through all passes
  std::uint32_t epoch = 0;        // from 1
  double loss = 0;                // mean cross-entropy over this pass so far, nats
  double tokens_per_s = 0;        // n-gram occurrences over the passes so far, all threads together
  std::optional<double> dev_accuracy{};  // at the end of a pass, when texts are held out
};

struct TrainedClassifier {
  inference::ClassifierWeights weights;  // f32; of the best pass by dev accuracy
  bool stopped = false;                  // told to stop before it was done
  std::uint32_t epochs = 0;              // passes completed
  std::uint32_t best_epoch = 0;          // 0 when stopped within the first
  std::optional<double> dev_accuracy;    // of those weights
  std::uint64_t train_texts = 0;
  std::uint64_t dev_texts = 0;
  std::uint64_t tokens_per_pass = 0;  // n-gram occurrences that have a row, over the train texts
  std::uint64_t tokens = 0;           // over all passes
  double seconds = 0;                 // from the first hash to the last dev check; reading excluded
  ClassifierOptions options;          // as settled
};

/// Trains a classifier: row-wise Adagrad on the softmax cross-entropy of hashed n-gram bags with
/// n-gram dropout (Joulin et al. 2017, arXiv:1607.01759; departures: sqrt(n) pooling, rare n-grams
/// have no row, Adagrad in place of plain SGD, dropout).
///
/// threads = 1: the same options, data and seed give the same bits. More threads update one
/// embedding without locks (Hogwild). One text in `hold_out`, fixed by its hash, decides when to
/// stop. `report` is called on the calling thread. `stop` may be set from a signal handler:
/// training then returns within milliseconds with what it has. Memory: 8 bytes an n-gram
/// occurrence, plus 3 copies of the f32 embedding. Errors: invalid_argument (options), too_large (a
/// text).
Result<TrainedClassifier> train_classifier(const LabelledTexts& texts,
                                           const ClassifierOptions& options,
                                           const std::function<void(const TrainProgress&)>& report,
                                           const std::atomic<bool>& stop);

}  // namespace galley::training
