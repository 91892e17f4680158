#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "estimator/features.h"

namespace galley::estimator {

/// What records that differ by their batch alone have in common, beyond what a kernel of a few
/// hundred points tells: one set of machines on one day, the order of a ring. Each series is a
/// Gaussian process of its own over the logarithm of the batch, an offset and what fades with
/// distance. After the local blocks of Snelson & Ghahramani (2007, "Local and global sparse
/// Gaussian process approximations").
struct SeriesModel {
  static constexpr std::size_t kCategories = FeatureRow::kCategories;
  static constexpr std::size_t kInputs = FeatureRow::kNumbers + kCategories;
  static constexpr std::size_t kKey = kCategories + 4;  // devices, nodes, fullest node, loaders
  using Key = std::array<float, kKey>;

  struct Shape {
    float level = 0.001F;     // variance of a series' offset
    float variance = 0.001F;  // of what fades
    float length = 1;         // over which it does, of log(batch)
  };
  struct Series {
    Key key{};
    Shape shape;  // the same for all of a network
    std::vector<float> log_batch;
    std::vector<float> alpha;  // as many
  };
  std::vector<Series> series;  // by key
};

SeriesModel::Key series_key(const std::array<float, SeriesModel::kInputs>& inputs);

/// 0 for a job of no known series. O(log series + records of the series).
double evaluate(const SeriesModel& model, const std::array<float, SeriesModel::kInputs>& inputs);

/// Covariance of two records of one series.
inline float series_covariance(const SeriesModel::Shape& shape, float log_batch, float other) {
  const float away = log_batch < other ? other - log_batch : log_batch - other;
  return shape.level + shape.variance * std::exp(-away / shape.length);
}

}  // namespace galley::estimator
