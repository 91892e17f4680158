// The numbers inside the samplers: against slow or closed forms.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "acquisition.h"
#include "gp_model.h"
#include "history.h"
#include "lbfgs.h"
#include "nsga2.h"
#include "sobol.h"
#include "warp.h"

namespace {

using namespace galley::hpo;
using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Toy {
  MatrixXd points;
  VectorXd values;
};

Toy toy(Eigen::Index count) {
  Rng rng(5);
  Toy result{MatrixXd(3, count), VectorXd(count)};
  for (Eigen::Index i = 0; i < count; ++i) {
    result.points.col(i) << rng.uniform(), rng.uniform(), static_cast<double>(rng.below(3));
    result.values[i] = std::sin(5 * result.points(0, i)) + 0.3 * result.points(2, i);
  }
  result.values.array() -= result.values.mean();
  return result;
}

TEST(GpModel, AppendedPointsAreAsIfConditionedOn) {
  const Toy data = toy(20);
  const std::vector<bool> kinds{false, false, true};
  GpModel at_once(kinds);
  GpModel by_one(kinds);
  at_once.condition(at_once.first_guess(), data.points);
  by_one.condition(by_one.first_guess(), data.points.leftCols(12));
  for (Eigen::Index i = 12; i < 20; ++i) by_one.append(data.points.col(i));
  at_once.set_values(data.values);
  by_one.set_values(data.values);
  VectorXd mean[2];
  VectorXd deviation[2];
  const Toy probes = toy(7);
  at_once.predict(probes.points, mean[0], deviation[0]);
  by_one.predict(probes.points, mean[1], deviation[1]);
  EXPECT_LT((mean[0] - mean[1]).cwiseAbs().maxCoeff(), 1e-6);
  EXPECT_LT((deviation[0] - deviation[1]).cwiseAbs().maxCoeff(), 1e-6);

  by_one.truncate(12);
  EXPECT_EQ(by_one.size(), 12);
}

TEST(GpModel, GradientsAreThoseOfThePrediction) {
  const Toy data = toy(15);
  GpModel model({false, false, true});
  model.condition(model.first_guess(), data.points);
  model.set_values(data.values);
  VectorXd at(3);
  at << 0.31, 0.62, 1;
  double mean = 0;
  double deviation = 0;
  VectorXd mean_gradient;
  VectorXd deviation_gradient;
  model.predict(at, mean, deviation, mean_gradient, deviation_gradient);
  for (Eigen::Index axis = 0; axis < 2; ++axis) {
    constexpr double kStep = 1e-6;
    MatrixXd sides(3, 2);
    sides << at, at;
    sides(axis, 0) -= kStep;
    sides(axis, 1) += kStep;
    VectorXd means;
    VectorXd deviations;
    model.predict(sides, means, deviations);
    EXPECT_NEAR(mean_gradient[axis], (means[1] - means[0]) / (2 * kStep), 1e-4);
    EXPECT_NEAR(deviation_gradient[axis], (deviations[1] - deviations[0]) / (2 * kStep), 1e-4);
  }
  EXPECT_EQ(mean_gradient[2], 0);
}

TEST(GpModel, AFitFindsWhichAxesMatter) {
  const Toy data = toy(40);
  const GpModel model({false, false, true});
  double before = 0;
  double after = 0;
  model.fit(data.points, data.values, model.first_guess(), 1, &before);
  const auto hyper = model.fit(data.points, data.values, model.first_guess(), 60, &after);
  EXPECT_GT(after, before + 5);
  EXPECT_GT(hyper.log_scales[1], hyper.log_scales[0] + 1);  // the second axis does nothing
}

TEST(LogExpectedImprovement, IsExactWhereItCanBeAndGoesOnWhereNot) {
  for (const double z : {-20.0, -5.0, -1.5, -0.5, 0.0, 2.0}) {
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::acos(-1.0));
    const double direct = density + z * 0.5 * std::erfc(-z / std::sqrt(2.0));
    if (z > -6) {
      EXPECT_NEAR(log_expected_improvement(-z, 1, 0), std::log(direct), 1e-6) << z;
    }
  }
  double last = log_expected_improvement(0, 1, 0);
  for (double away = 0.5; away < 1000; away *= 1.1) {
    const double value = log_expected_improvement(away, 1, 0);
    EXPECT_TRUE(std::isfinite(value));
    EXPECT_LT(value, last);
    last = value;
  }
}

TEST(Minimise, FindsTheEndOfTheValleyAndKeepsTheBox) {
  const auto rosenbrock = [](const VectorXd& x, VectorXd& gradient) {
    const double a = 1 - x[0];
    const double b = x[1] - x[0] * x[0];
    gradient.resize(2);
    gradient << -2 * a - 400 * b * x[0], 200 * b;
    return a * a + 100 * b * b;
  };
  VectorXd x(2);
  x << -1.2, 1;
  EXPECT_LT(minimise(rosenbrock, VectorXd::Constant(2, -2), VectorXd::Constant(2, 2), 300, 0, x),
            1e-8);
  x << -1.2, 0.4;
  minimise(rosenbrock, VectorXd::Constant(2, -2), VectorXd::Constant(2, 0.5), 300, 0, x);
  EXPECT_LE(x.maxCoeff(), 0.5);
  EXPECT_NEAR(x[0], 0.5, 0.05);
}

TEST(Sobol, EveryAxisIsStratifiedAndPairsAreEven) {
  const Sobol sobol(8, 11);
  constexpr int kPoints = 64;
  for (std::size_t axis = 0; axis < 8; ++axis) {
    std::vector<int> cells(kPoints, 0);
    for (std::uint64_t i = 0; i < kPoints; ++i)
      ++cells[static_cast<std::size_t>(sobol.point(i)[axis] * kPoints)];
    EXPECT_EQ(cells, std::vector<int>(kPoints, 1)) << axis;
  }
  // The first two axes are a (0, 2)-sequence: every elementary cell of 1/64 holds one of 64 points.
  std::vector<int> cells(kPoints, 0);
  for (std::uint64_t i = 0; i < kPoints; ++i) {
    const auto point = sobol.point(i);
    ++cells[static_cast<std::size_t>(point[0] * 8) * 8 + static_cast<std::size_t>(point[1] * 8)];
  }
  EXPECT_EQ(cells, std::vector<int>(kPoints, 1));
}

TEST(Warp, KeepsTheOrderAndItsSlopeIsTheDerivative) {
  VectorXd values(6);
  values << 3, 1, 1000, 2, 1.5, 50;
  for (const double softness : {0.0, 1.0, 0.01}) {
    const Warp warp(values, softness);
    EXPECT_LT(warp(1), warp(1.5));
    EXPECT_LT(warp(50), warp(1000));
    EXPECT_NEAR(warp(values).mean(), 0, 1e-9);
    double sum = 0;
    for (const double value : values)
      sum += std::log((warp(value + 1e-7) - warp(value)) / 1e-7 * warp.spread);
    EXPECT_NEAR(warp.log_slopes(values), sum, 1e-3);
  }
  EXPECT_EQ(Warp(VectorXd::Constant(4, 7.0), 0.1)(7), 0);
}

TEST(Fronts, AreThoseThatNothingDominates) {
  EXPECT_EQ(fronts_of({{1, 4}, {2, 2}, {4, 1}, {3, 3}, {5, 5}, {1, 4}}),
            (std::vector<std::size_t>{0, 0, 0, 1, 2, 0}));
}

TEST(History, RanksByTheReferenceThatEnoughReached) {
  History history(1);
  const Point point{0.5};
  for (TrialNumber trial = 0; trial < 9; ++trial)
    history.observe({.trial = trial, .point = point, .resource = 1, .objectives = {double(trial)}});
  // One result at a larger resource is no reference: it ranks by its value.
  history.observe({.trial = 8, .point = point, .resource = 3, .objectives = {0.5}});
  EXPECT_EQ(history.ranking().front(), 0U);
  EXPECT_EQ(history.ranking()[1], 8U);
  for (TrialNumber trial = 0; trial < 8; ++trial)
    history.observe(
        {.trial = trial, .point = point, .resource = 3, .objectives = {9.0 - double(trial)}});
  EXPECT_EQ(history.ranking().front(), 8U);
  EXPECT_EQ(history.ranking().back(), 0U);
  // A stopped trial ranks after all that got there, however good it looked.
  history.observe({.trial = 20, .point = point, .resource = 1, .objectives = {-100}});
  EXPECT_EQ(history.ranking().back(), 9U);
  history.observe({.trial = 8, .point = point, .resource = 9, .objectives = {}});
  EXPECT_EQ(history.state(8), History::State::failed);
  EXPECT_EQ(history.ranking().size(), 9U);
}

}  // namespace
