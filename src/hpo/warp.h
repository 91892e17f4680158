#pragma once

#include <Eigen/Core>

namespace galley::hpo {

/// Objectives often span decades where it does not matter and crowd where it does. A warp is
/// v -> log(1 + (v - least) / (softness * (median - least))), standardised; with softness 0 it is
/// v itself. Monotonous, so that what is best stays best.
struct Warp {
  double softness = 0;
  double least = 0;
  double spread = 1;
  double mean = 0;
  double deviation = 1;

  /// For these values.
  Warp(const Eigen::VectorXd& values, double softness);
  double operator()(double value) const;
  Eigen::VectorXd operator()(const Eigen::VectorXd& values) const;
  /// Sum of log d warp / d value: makes likelihoods of different warps comparable.
  double log_slopes(const Eigen::VectorXd& values) const;
};

}  // namespace galley::hpo
