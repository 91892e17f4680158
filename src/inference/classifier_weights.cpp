#include "inference/classifier_weights.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace galley::inference {

ClassifierWeights quantize(const ClassifierWeights& weights) {
  ClassifierWeights result{.index = weights.index,
                           .dim = weights.dim,
                           .classes = weights.classes,
                           .output = weights.output,
                           .bias = weights.bias};
  const std::size_t rows = weights.index.row_count();
  result.scales.resize(rows);
  result.embedding_i8.resize(rows * weights.dim);
  for (std::size_t r = 0; r < rows; ++r) {
    const float* row = weights.embedding.data() + r * weights.dim;
    float largest = 0;
    for (std::size_t j = 0; j < weights.dim; ++j) largest = std::max(largest, std::fabs(row[j]));
    if (largest == 0) continue;
    result.scales[r] = largest / 127;
    for (std::size_t j = 0; j < weights.dim; ++j)
      result.embedding_i8[r * weights.dim + j] =
          static_cast<std::int8_t>(std::lround(row[j] * 127 / largest));
  }
  return result;
}

}  // namespace galley::inference
