#include "inference/text_classifier.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tensor/kernels.h"
#include "text/ngrams.h"

namespace galley::inference {
namespace {

/// One thread's working memory. Grown by the longest text it has met, which hash_ngrams bounds.
struct Scratch {
  text::NgramScratch ngrams;
  std::vector<std::uint32_t> rows;  // first hashes, then the rows they have
  std::vector<float> hidden;
};

Scratch& scratch() {
  static thread_local Scratch mine;
  return mine;
}

void keep_rows(const RowIndex& index, std::vector<std::uint32_t>& hashes) {
  std::size_t kept = 0;
  for (const std::uint32_t hash : hashes) {
    const std::uint32_t row = index.find(hash);
    hashes[kept] = row;
    kept += row != RowIndex::kNone ? 1 : 0;
  }
  hashes.resize(kept);
}

void softmax(std::vector<float>& logits) {
  const float largest = std::ranges::max(logits);
  float sum = 0;
  for (float& x : logits) sum += x = std::exp(x - largest);
  for (float& x : logits) x /= sum;
}

}  // namespace

Result<std::shared_ptr<const TextClassifier>> TextClassifier::open(
    const std::filesystem::path& folder) {
  GALLEY_TRY(auto classifier, load_classifier(folder));
  return std::make_shared<const TextClassifier>(std::move(classifier));
}

TextClassifier::TextClassifier(Classifier classifier) : classifier_(std::move(classifier)) {
  GALLEY_CHECK(classifier_.card.labels.size() == classifier_.weights.classes,
               "a classifier has one label a class");
}

Result<Prediction> TextClassifier::predict(std::string_view text) const {
  const ClassifierWeights& weights = classifier_.weights;
  const tensor::KernelTable& kernels = tensor::select_kernels();
  Scratch& s = scratch();
  GALLEY_TRY_STATUS(text::hash_ngrams(text, classifier_.card.ngrams, s.ngrams, s.rows));
  keep_rows(weights.index, s.rows);

  s.hidden.resize(weights.dim);
  if (weights.is_int8())
    kernels.sum_rows_i8(weights.embedding_i8.data(), weights.scales.data(), weights.dim,
                        s.rows.data(), s.rows.size(), s.hidden.data());
  else
    kernels.sum_rows(weights.embedding.data(), weights.dim, s.rows.data(), s.rows.size(),
                     s.hidden.data());
  const float norm = s.rows.empty() ? 0.0F : 1.0F / std::sqrt(static_cast<float>(s.rows.size()));

  Prediction answer;
  answer.probabilities.resize(weights.classes);
  for (std::size_t c = 0; c < weights.classes; ++c)
    answer.probabilities[c] =
        norm * kernels.dot(weights.output.data() + c * weights.dim, s.hidden.data(), weights.dim) +
        weights.bias[c];
  softmax(answer.probabilities);
  answer.label_index = static_cast<std::size_t>(std::ranges::max_element(answer.probabilities) -
                                                answer.probabilities.begin());
  return answer;
}

std::int64_t TextClassifier::memory_bytes() const {
  const ClassifierWeights& w = classifier_.weights;
  const std::size_t floats = w.embedding.size() + w.scales.size() + w.output.size() + w.bias.size();
  return static_cast<std::int64_t>(floats * sizeof(float) + w.embedding_i8.size() +
                                   w.index.bucket_count() / 4);
}

}  // namespace galley::inference
