#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "inference/text_classifier.h"
#include "text/ngrams.h"

namespace galley::testing {

/// A small classifier that works: each n-gram of an example text points at the example's class, so
/// texts made of one example's words get its label. Rows are as a trainer would number them.
inline inference::Classifier tiny_classifier(
    const std::vector<std::pair<std::string, std::string>>& examples) {
  inference::Classifier result;
  auto& [card, weights] = result;
  for (const auto& [text, label] : examples)
    if (std::ranges::find(card.labels, label) == card.labels.end()) card.labels.push_back(label);
  card.created_by = "a test";

  constexpr std::uint32_t kBuckets = 1U << 18U;  // so many that a collision would be a surprise
  text::NgramScratch scratch;
  std::vector<std::vector<std::uint32_t>> hashes(examples.size());
  std::vector<std::uint64_t> bits(kBuckets / 64);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    GALLEY_CHECK(hash_ngrams(examples[i].first, card.ngrams, scratch, hashes[i]).has_value(),
                 "test texts are valid");
    for (const std::uint32_t hash : hashes[i])
      bits[hash % kBuckets / 64] |= std::uint64_t{1} << (hash % 64);
  }
  weights.index = inference::RowIndex(bits);
  weights.dim = 16;
  weights.classes = static_cast<std::uint32_t>(card.labels.size());
  weights.embedding.resize(std::size_t{weights.index.row_count()} * weights.dim);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const auto label = std::ranges::find(card.labels, examples[i].second) - card.labels.begin();
    for (const std::uint32_t hash : hashes[i])
      weights.embedding[std::size_t{weights.index.find(hash)} * weights.dim +
                        static_cast<std::size_t>(label)] += 0.7F;
  }
  weights.output.resize(std::size_t{weights.classes} * weights.dim);
  for (std::size_t c = 0; c < weights.classes; ++c) weights.output[c * weights.dim + c] = 1;
  weights.bias.resize(weights.classes);
  return result;
}

inline inference::Classifier tiny_reviews() {
  return tiny_classifier({{"정말 재미있다 최고", "good"}, {"지루하고 재미없다 최악", "bad"}});
}

}  // namespace galley::testing
