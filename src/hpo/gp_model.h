#pragma once

#include <Eigen/Core>
#include <vector>

namespace galley::hpo {

/// A Gaussian process over the unit cube with a constant mean, one length scale an axis and noise.
/// An axis is a number, or a category: then two values are 0 or 1 apart. Mean and variance are
/// those of greatest likelihood given the length scales; the scales and the share of the noise are
/// of greatest posterior density (Rasmussen and Williams 2006, section 5.4.1).
/// Values should have mean 0 and deviation 1. O(n^3) to fit and to condition, O(n^2) to append or
/// predict. Columns of the matrices are points.
class GpModel {
 public:
  struct Hyper {
    Eigen::VectorXd log_scales;
    double log_noise = 0;    // the noise's variance over the signal's
    bool is_smooth = false;  // squared exponential instead of Matérn 5/2
  };

  explicit GpModel(std::vector<bool> is_category);

  Hyper first_guess() const;
  /// The best hyperparameters from a start on; `score` is their log posterior density.
  Hyper fit(const Eigen::MatrixXd& points, const Eigen::VectorXd& values, Hyper start,
            int evaluations, double* score) const;

  /// Replaces points and hyperparameters; the values follow by set_values.
  void condition(const Hyper& hyper, const Eigen::MatrixXd& points);
  /// One more point, in O(n^2).
  void append(const Eigen::VectorXd& point);
  /// Leaves the first `count` points.
  void truncate(Eigen::Index count);
  /// What was observed at the points; estimates mean and variance from it, O(n^2).
  void set_values(const Eigen::VectorXd& values);
  /// The same for points of which the last were appended as fantasies: mean and variance stay.
  void extend_values(const Eigen::VectorXd& values);

  Eigen::Index size() const { return points_.cols(); }
  /// Mean and deviation of the noise-free function at each column.
  void predict(const Eigen::MatrixXd& points, Eigen::VectorXd& mean,
               Eigen::VectorXd& deviation) const;
  /// The same at one point, with gradients along the axes that are numbers (0 along the others).
  void predict(const Eigen::VectorXd& point, double& mean, double& deviation,
               Eigen::VectorXd& mean_gradient, Eigen::VectorXd& deviation_gradient) const;
  /// The model's means at its own points.
  Eigen::VectorXd fitted() const;
  const Hyper& hyper() const { return hyper_; }

 private:
  double negative_log_posterior(const Eigen::MatrixXd& points, const Eigen::VectorXd& values,
                                bool is_smooth, const Eigen::VectorXd& theta,
                                Eigen::VectorXd& gradient) const;
  Eigen::MatrixXd cross(const Eigen::MatrixXd& points) const;

  std::vector<bool> is_category_;
  Hyper hyper_;
  Eigen::MatrixXd points_;
  Eigen::MatrixXd factor_;  // lower Cholesky factor of correlation + noise
  Eigen::VectorXd weights_;
  Eigen::VectorXd inverse_squares_;  // of the length scales
  Eigen::VectorXd values_;
  double jitter_ = 0;
  double mean_ = 0;
  double variance_ = 1;
};

}  // namespace galley::hpo
