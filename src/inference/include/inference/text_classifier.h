#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/classifier_files.h"

namespace galley::inference {

/// A classifier's answer: the most probable class and the probability of every class, in the order
/// of labels().
struct Prediction {
  std::size_t label_index = 0;
  std::vector<float> probabilities;
};

/// A text classifier in memory, ready to answer. Immutable: any number of threads may predict at
/// once, and share one object.
class TextClassifier {
 public:
  /// Reads a folder that save_classifier wrote (a snapshot). Errors: as load_classifier.
  static Result<std::shared_ptr<const TextClassifier>> open(const std::filesystem::path& folder);
  explicit TextClassifier(Classifier classifier);

  /// Allocates only the answer; working memory is kept per thread. Microseconds for a sentence.
  /// Errors: invalid_argument (not UTF-8), too_large (past text::kMaxTextBytes).
  Result<Prediction> predict(std::string_view text) const;

  const std::vector<std::string>& labels() const { return classifier_.card.labels; }
  const ClassifierCard& card() const { return classifier_.card; }
  const ClassifierWeights& weights() const { return classifier_.weights; }
  /// What it holds in memory, for a server's budget.
  std::int64_t memory_bytes() const;

 private:
  Classifier classifier_;
};

}  // namespace galley::inference
