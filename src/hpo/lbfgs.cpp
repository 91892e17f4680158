#include "lbfgs.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace galley::hpo {
namespace {

using Eigen::VectorXd;

constexpr std::size_t kRememberedSteps = 8;
constexpr double kArmijo = 1e-4;
constexpr double kFirstMove = 0.2;  // of the first, whose scale nothing is known of
constexpr int kBacktracks = 6;

struct LbfgsStep {
  VectorXd move;
  VectorXd turn;
  double inner = 0;
};

VectorXd lbfgs_direction(const std::deque<LbfgsStep>& steps, const VectorXd& gradient) {
  VectorXd q = gradient;
  std::vector<double> alphas;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    alphas.push_back(step->move.dot(q) / step->inner);
    q -= alphas.back() * step->turn;
  }
  if (!steps.empty()) q *= steps.back().inner / steps.back().turn.squaredNorm();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const LbfgsStep& step = steps[i];
    q += (alphas[steps.size() - 1 - i] - step.turn.dot(q) / step.inner) * step.move;
  }
  return -q;
}

/// Axes at a bound that the gradient pushes outwards do not take part.
void hold_at_bounds(const VectorXd& x, const VectorXd& low, const VectorXd& high,
                    const VectorXd& gradient, VectorXd& direction) {
  for (Eigen::Index i = 0; i < x.size(); ++i)
    if ((x[i] <= low[i] && gradient[i] > 0) || (x[i] >= high[i] && gradient[i] < 0))
      direction[i] = 0;
}

}  // namespace

double minimise(const SmoothFunction& function, const VectorXd& low, const VectorXd& high,
                int evaluations, double tolerance, VectorXd& x) {
  VectorXd gradient(x.size());
  double value = function(x, gradient);
  std::deque<LbfgsStep> steps;
  VectorXd next_gradient(x.size());
  while (--evaluations > 0) {
    VectorXd held = gradient;
    hold_at_bounds(x, low, high, gradient, held);
    if (held.squaredNorm() < 1e-20) break;
    VectorXd direction = lbfgs_direction(steps, held);
    hold_at_bounds(x, low, high, gradient, direction);
    if (direction.dot(gradient) >= 0 || !direction.allFinite()) {
      steps.clear();
      direction = -held;
    }
    double length =
        steps.empty() ? std::min(1.0, kFirstMove / direction.cwiseAbs().maxCoeff()) : 1.0;
    bool has_moved = false;
    double gain = 0;
    for (int i = 0; i < kBacktracks && evaluations > 0; ++i, length *= 0.3) {
      const VectorXd next = (x + length * direction).cwiseMax(low).cwiseMin(high);
      const VectorXd move = next - x;
      const double next_value = function(next, next_gradient);
      if (i > 0) --evaluations;
      if (!std::isfinite(next_value) || !next_gradient.allFinite() ||
          next_value > value + kArmijo * gradient.dot(move))
        continue;
      const VectorXd turn = next_gradient - gradient;
      const double inner = move.dot(turn);
      if (inner > 1e-12 * turn.squaredNorm()) steps.push_back({move, turn, inner});
      if (steps.size() > kRememberedSteps) steps.pop_front();
      gain = value - next_value;
      x = next;
      value = next_value;
      gradient = next_gradient;
      has_moved = true;
      break;
    }
    if (!has_moved) {
      if (steps.empty()) break;
      steps.clear();
      continue;
    }
    if (gain < tolerance) break;
  }
  return value;
}

}  // namespace galley::hpo
