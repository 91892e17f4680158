#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "estimator/features.h"
#include "estimator/series_model.h"

namespace galley::estimator {

/// Regression on similarity to past jobs: a Gaussian process whose covariance is a sum of products,
/// one product for each group of features that may act together ("this network on this device over
/// batch sizes"). It is strongest where records are few, and tells how near a job is to them.
struct KernelModel {
  static constexpr std::size_t kInputs = FeatureRow::kNumbers + FeatureRow::kCategories;

  struct Input {
    std::uint32_t index = 0;  // of a number, or kNumbers + category
    float weight = 0;         // of the squared or absolute distance; of a mismatch of categories
  };
  struct Component {
    float variance = 0;
    bool smooth = true;  // squared distances; else absolute ones
    std::vector<Input> inputs;
  };

  std::vector<Component> components;
  std::array<std::vector<std::string>, FeatureRow::kCategories> vocabulary;
  std::array<std::vector<float>, kInputs> points;   // one value a past job, input by input
  std::vector<float> alpha;                         // as many as points
  std::array<float, FeatureRow::kNumbers> least{};  // of the points
  std::array<float, FeatureRow::kNumbers> most{};
  SeriesModel series;  // what more records than points tell besides; often empty
  double mean = 0;
  double noise = 0;  // standard deviation of a record around the truth, as learned
};

struct KernelAnswer {
  double value = 0;
  double similarity = 0;    // 0 (like nothing seen) to 1 (seen exactly so)
  std::size_t nearest = 0;  // index of the most similar past job
};

/// The row as inputs: categories become their index in the vocabulary, -1 - i (unlike all) where
/// they are not in it.
std::array<float, KernelModel::kInputs> kernel_inputs(
    const std::array<std::vector<std::string>, FeatureRow::kCategories>& vocabulary,
    const FeatureRow& row);

/// Numbers beyond those of all past jobs count as the outermost: what the physics leaves is not
/// extrapolated. O(points × inputs of all components); about 10 µs for 300 points (bench:
/// predict_us).
KernelAnswer evaluate(const KernelModel& model, const FeatureRow& row);

/// How far the job's shape (batch, devices, nodes, loaders) lies outside that of all past jobs, as
/// a sum of logarithms: 0 inside, 0.7 at twice the most.
double distance_outside(const KernelModel& model, const FeatureRow& row);

/// Sets least and most from the points.
void set_range(KernelModel& model);

/// Covariances of one row of inputs with all points.
void kernel_row(const std::vector<KernelModel::Component>& components,
                const std::array<std::vector<float>, KernelModel::kInputs>& points,
                const std::array<float, KernelModel::kInputs>& inputs, std::vector<float>& out);

}  // namespace galley::estimator
