#pragma once

#include <Eigen/Core>
#include <functional>

namespace galley::hpo {

/// A value, and its gradient written to the second argument.
using SmoothFunction = std::function<double(const Eigen::VectorXd&, Eigen::VectorXd&)>;

/// Minimises inside a box from x on, which it leaves at the least value found, and returns that
/// value. L-BFGS on the axes that no bound holds (Nocedal and Wright 2006, algorithm 7.4), with
/// backtracking. Stops after that many evaluations, or when a step gains less than the tolerance.
double minimise(const SmoothFunction& function, const Eigen::VectorXd& low,
                const Eigen::VectorXd& high, int evaluations, double tolerance, Eigen::VectorXd& x);

}  // namespace galley::hpo
