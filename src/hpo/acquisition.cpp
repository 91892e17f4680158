#include "acquisition.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "lbfgs.h"

namespace galley::hpo {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Up to this many values a parameter is stepped through; with more it is climbed as a continuum.
constexpr std::uint64_t kSteppedLevels = 64;
constexpr int kClimbEvaluations = 30;
constexpr int kClimbRounds = 12;

const double kLogRootTwoPi = 0.5 * std::log(2 * std::numbers::pi);

/// log(phi(z) + z Phi(z))
double log_h(double z) {
  if (z > -1) {
    const double density = std::exp(-0.5 * z * z - kLogRootTwoPi);
    return std::log(density + z * 0.5 * std::erfc(-z / std::numbers::sqrt2));
  }
  const double log_density = -0.5 * z * z - kLogRootTwoPi;
  if (z > -25) {
    const double mills = 0.5 * std::erfc(-z / std::numbers::sqrt2) * std::exp(-log_density);
    return log_density + std::log(std::max(1 + z * mills, 1e-300));
  }
  // 1 + z * mills = 1/z^2 - 3/z^4 + ...
  return log_density - 2 * std::log(-z);
}

/// d log_h / dz = Phi / (phi + z Phi)
double log_h_slope(double z) {
  if (z > -25) {
    const double log_cumulative =
        std::log(std::max(0.5 * std::erfc(-z / std::numbers::sqrt2), 1e-300));
    return std::exp(log_cumulative - log_h(z));
  }
  return -z;
}

bool is_stepped(const Parameter& p) {
  const auto levels = p.level_count();
  return !p.is_number() || (levels > 0 && levels <= kSteppedLevels);
}

struct Climber {
  const Space& space;
  const GpModel& model;
  const AcquisitionSearch& search;
  Rng& rng;

  double score(const Point& point) const {
    VectorXd mean;
    VectorXd deviation;
    model.predict(MatrixXd(model_place(space, point)), mean, deviation);
    return log_expected_improvement(mean[0], deviation[0], search.best);
  }

  std::vector<double> scores(const std::vector<Point>& points) const {
    MatrixXd places(static_cast<Index>(space.size()), static_cast<Index>(points.size()));
    for (std::size_t i = 0; i < points.size(); ++i)
      places.col(static_cast<Index>(i)) = model_place(space, points[i]);
    VectorXd mean;
    VectorXd deviation;
    model.predict(places, mean, deviation);
    std::vector<double> result(points.size());
    for (std::size_t i = 0; i < points.size(); ++i)
      result[i] = log_expected_improvement(mean[static_cast<Index>(i)],
                                           deviation[static_cast<Index>(i)], search.best);
    return result;
  }

  /// Along the axes that are climbed; the others stay.
  bool climb_gradient(Point& point, double& value) const {
    std::vector<std::size_t> axes;
    for (std::size_t i = 0; i < space.size(); ++i)
      if (!is_stepped(space.parameter(i)) && !std::isnan(point[i]) &&
          space.parameter(i).low < space.parameter(i).high)
        axes.push_back(i);
    if (axes.empty()) return false;
    VectorXd place = model_place(space, point);
    const auto count = static_cast<Index>(axes.size());
    VectorXd x(count);
    for (Index i = 0; i < count; ++i)
      x[i] = place[static_cast<Index>(axes[static_cast<std::size_t>(i)])];
    VectorXd mean_gradient;
    VectorXd deviation_gradient;
    minimise(
        [&](const VectorXd& at, VectorXd& gradient) {
          for (Index i = 0; i < count; ++i)
            place[static_cast<Index>(axes[static_cast<std::size_t>(i)])] = at[i];
          double mean = 0;
          double deviation = 0;
          model.predict(place, mean, deviation, mean_gradient, deviation_gradient);
          const double z = (search.best - mean) / deviation;
          const double slope = log_h_slope(z);
          gradient.resize(count);
          for (Index i = 0; i < count; ++i) {
            const auto axis = static_cast<Index>(axes[static_cast<std::size_t>(i)]);
            const double dz =
                -mean_gradient[axis] / deviation - z * deviation_gradient[axis] / deviation;
            gradient[i] = -(slope * dz + deviation_gradient[axis] / deviation);
          }
          return -log_expected_improvement(mean, deviation, search.best);
        },
        VectorXd::Zero(count), VectorXd::Ones(count), kClimbEvaluations, 1e-4, x);
    Point climbed = point;
    for (Index i = 0; i < count; ++i) {
      const std::size_t axis = axes[static_cast<std::size_t>(i)];
      climbed[axis] = space.from_unit(axis, x[i]);
    }
    if (!space.contains(climbed)) return false;
    const double reached = score(climbed);
    if (reached <= value) return false;
    point = std::move(climbed);
    value = reached;
    return true;
  }

  /// To the best of the points that differ in one parameter that is stepped through.
  bool step(Point& point, double& value) const {
    std::vector<Point> neighbours;
    for (std::size_t i = 0; i < space.size(); ++i) {
      const Parameter& p = space.parameter(i);
      if (!is_stepped(p) || std::isnan(point[i])) continue;
      const auto levels = static_cast<double>(p.level_count());
      for (double level = 0; level < levels; ++level) {
        const double other = p.low + level * p.step;
        const bool is_near =
            p.kind == ParameterKind::categorical || std::abs(other - point[i]) < 2.5 * p.step;
        if (!is_near || other == point[i]) continue;
        Point neighbour = point;
        neighbour[i] = other;
        if (!space.contains(neighbour)) {
          space.repair(neighbour, rng);
          if (neighbour[i] != other) continue;
        }
        if (!search.is_taken(neighbour)) neighbours.push_back(std::move(neighbour));
      }
    }
    if (neighbours.empty()) return false;
    const auto values = scores(neighbours);
    const auto top = std::ranges::max_element(values) - values.begin();
    const auto at = static_cast<std::size_t>(top);
    if (values[at] <= value && !search.is_taken(point)) return false;
    point = neighbours[at];
    value = values[at];
    return true;
  }
};

/// A step away from a good point in one or a few parameters, of a random length.
Point move_from(const Space& space, const Point& start, Rng& rng) {
  Point point = start;
  const double share =
      std::max(1.0 / static_cast<double>(space.size()), rng.uniform() * rng.uniform());
  const double length = std::pow(10, -0.5 - 2.5 * rng.uniform());
  bool has_moved = false;
  for (std::size_t i = 0; i < space.size() || !has_moved; ++i) {
    const std::size_t axis = i < space.size() ? i : rng.below(space.size());
    if (i < space.size() && rng.uniform() >= share) continue;
    has_moved = true;
    const Parameter& p = space.parameter(axis);
    if (std::isnan(point[axis])) continue;
    if (p.kind == ParameterKind::categorical) {
      point[axis] = space.draw_value(axis, rng);
    } else if (is_stepped(p)) {
      const double jump =
          rng.normal() * std::max(1.0, length * static_cast<double>(p.level_count()));
      const double away = jump < 0 ? std::floor(jump) : std::ceil(jump);
      point[axis] = space.nearest(axis, point[axis] + away * p.step);
    } else {
      point[axis] = space.from_unit(axis, space.to_unit(axis, point[axis]) + length * rng.normal());
    }
  }
  space.repair(point, rng);
  return point;
}

}  // namespace

VectorXd model_place(const Space& space, const Point& point) {
  VectorXd place(static_cast<Index>(space.size()));
  for (std::size_t i = 0; i < space.size(); ++i)
    place[static_cast<Index>(i)] = space.parameter(i).kind == ParameterKind::categorical
                                       ? (std::isnan(point[i]) ? -1 : point[i])
                                       : space.to_unit(i, point[i]);
  return place;
}

double log_expected_improvement(double mean, double deviation, double best) {
  return std::log(deviation) + log_h((best - mean) / deviation);
}

Point maximise_improvement(const Space& space, const GpModel& model,
                           const AcquisitionSearch& search, Rng& rng) {
  const Climber climber{space, model, search, rng};
  std::vector<Point> candidates(search.starts);
  for (int i = 0; i < search.random_candidates; ++i) candidates.push_back(space.draw(rng));
  for (int i = 0; i < search.local_candidates && !search.starts.empty(); ++i)
    candidates.push_back(
        move_from(space, search.starts[static_cast<std::size_t>(i) % search.starts.size()], rng));
  std::vector<double> values = climber.scores(candidates);
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](auto a, auto b) { return values[a] > values[b]; });

  Point best;
  double best_value = -std::numeric_limits<double>::infinity();
  const auto offer = [&](const Point& point, double value) {
    if (value <= best_value || search.is_taken(point)) return;
    best = point;
    best_value = value;
  };
  int climbs = 0;
  for (const std::size_t at : order) {
    if (++climbs > search.climbs) break;
    Point point = candidates[at];
    double value = values[at];
    for (int round = 0; round < kClimbRounds; ++round) {
      const bool has_climbed = climber.climb_gradient(point, value);
      const bool has_stepped = climber.step(point, value);
      if (!has_stepped && (!has_climbed || round > 0)) break;
    }
    offer(point, value);
  }
  for (const std::size_t at : order) {
    if (!best.empty() && values[at] <= best_value) break;
    offer(candidates[at], values[at]);
  }
  return best;
}

}  // namespace galley::hpo
