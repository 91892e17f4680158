#include "estimator/series_model.h"

#include <algorithm>

namespace galley::estimator {

SeriesModel::Key series_key(const std::array<float, SeriesModel::kInputs>& inputs) {
  SeriesModel::Key key{};
  std::size_t at = 0;
  for (std::size_t c = 0; c < SeriesModel::kCategories; ++c)
    key[at++] = inputs[FeatureRow::kNumbers + c];
  for (const FeatureNumber number : {log_gpus, log_nodes, log_fullest, log_loaders})
    key[at++] = inputs[number];
  return key;
}

double evaluate(const SeriesModel& model, const std::array<float, SeriesModel::kInputs>& inputs) {
  if (model.series.empty()) return 0;
  const auto key = series_key(inputs);
  const auto found = std::ranges::lower_bound(model.series, key, {}, &SeriesModel::Series::key);
  if (found == model.series.end() || found->key != key) return 0;
  float sum = 0;
  for (std::size_t i = 0; i < found->alpha.size(); ++i)
    sum +=
        found->alpha[i] * series_covariance(found->shape, inputs[log_batch], found->log_batch[i]);
  return static_cast<double>(sum);
}

}  // namespace galley::estimator
