#ifndef EIGEN_NO_DEBUG
#define EIGEN_NO_DEBUG
#endif
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "estimator_fit/fits.h"

namespace galley::estimator {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Points = std::array<std::vector<float>, KernelModel::kInputs>;
using Component = KernelModel::Component;

constexpr std::uint32_t category_input(FeatureCategory category) {
  return static_cast<std::uint32_t>(FeatureRow::kNumbers) + static_cast<std::uint32_t>(category);
}

/// What may act together. Every group is offered to every table; the learning turns down those
/// that explain nothing, and inputs that never vary are dropped beforehand.
std::vector<Component> offered_components() {
  const auto net = category_input(network_name);
  const auto gpu = category_input(gpu_name);
  const auto mode = category_input(run_mode);
  const auto context = category_input(record_context);
  const auto component = [](bool smooth, std::vector<std::pair<std::uint32_t, float>> inputs) {
    Component made{.variance = 0.05F, .smooth = smooth, .inputs = {}};
    for (const auto& [index, weight] : inputs) made.inputs.push_back({index, weight});
    return made;
  };
  return {
      component(true,
                {{log_gflops, .1F}, {log_parameters, .1F}, {log_activations, .1F}, {mode, 1}}),
      component(true, {{net, 3},
                       {mode, 1},
                       {log_peak, .3F},
                       {log_bandwidth, .3F},
                       {log_l2, .1F},
                       {log_fp32, .1F}}),
      component(true, {{gpu, 1},
                       {mode, 1},
                       {log_gpus, .3F},
                       {log_nodes, .3F},
                       {log_fullest, .3F},
                       {log_link, .1F},
                       {context, 1}}),
      // Of a network on a device whatever the precision: a probe in one tells of the others.
      component(true, {{net, 3}, {gpu, 1}}),
      component(true, {{net, 3}, {gpu, 2}, {mode, 1}, {log_batch, .3F}}),
      component(false, {{net, 3}, {gpu, 2}, {mode, 1}, {log_batch, 1}, {context, 1}}),
      component(true, {{net, 3},
                       {gpu, 2},
                       {log_nodes, .3F},
                       {log_fullest, .3F},
                       {log_gpus, .3F},
                       {context, 1}}),
      component(false, {{net, 3},
                        {gpu, 3},
                        {mode, 2},
                        {log_batch, .5F},
                        {log_gpus, .5F},
                        {log_nodes, .5F},
                        {log_fullest, .5F},
                        {log_loaders, .5F},
                        {context, 1}}),
  };
}

bool varies(const std::vector<float>& values) {
  return std::ranges::any_of(values, [&](float value) { return value != values.front(); });
}

std::vector<Component> usable_components(const Points& points, bool with_context) {
  auto components = offered_components();
  for (auto& component : components)
    std::erase_if(component.inputs, [&](const auto& input) {
      return !varies(points[input.index]) ||
             (!with_context && input.index == category_input(record_context));
    });
  std::erase_if(components, [](const Component& component) { return component.inputs.empty(); });
  return components;
}

double distance_of(const KernelModel::Input& input, bool smooth, float a, float b) {
  if (input.index >= FeatureRow::kNumbers) return a == b ? 0 : 1;
  const double difference = static_cast<double>(a) - static_cast<double>(b);
  return smooth ? difference * difference : std::abs(difference);
}

/// Learns log variances, log weights and log noise of one table by resilient steps (Riedmiller &
/// Braun 1993: signs of the gradient only, so no scale and no line search are needed).
class KernelLearning {
 public:
  KernelLearning(std::vector<Component> components, const Points& points, Vector targets,
                 double noise)
      : components_(std::move(components)),
        targets_(std::move(targets)),
        log_noise_(std::log(noise)) {
    const auto n = targets_.size();
    for (const auto& component : components_)
      for (const auto& input : component.inputs) {
        const auto& values = points[input.index];
        Eigen::MatrixXf distance(n, n);
        for (Eigen::Index j = 0; j < n; ++j)
          for (Eigen::Index i = 0; i < n; ++i)
            distance(i, j) = static_cast<float>(distance_of(input, component.smooth,
                                                            values[static_cast<std::size_t>(i)],
                                                            values[static_cast<std::size_t>(j)]));
        distances_.push_back(std::move(distance));
      }
    for (const auto& component : components_) {
      logs_.push_back(std::log(static_cast<double>(component.variance)));
      for (const auto& input : component.inputs)
        logs_.push_back(std::log(static_cast<double>(input.weight)));
    }
    logs_.push_back(log_noise_);
    start_ = logs_;
  }

  void run(int rounds) {
    std::vector<double> step(logs_.size(), 0.2);
    std::vector<double> last(logs_.size(), 0);
    std::vector<double> best = logs_;
    double least = 1e300;
    for (int round = 0; round < rounds; ++round) {
      std::vector<double> gradient(logs_.size());
      const double cost = cost_and_gradient(gradient);
      if (cost < least) {
        least = cost;
        best = logs_;
      }
      for (std::size_t i = 0; i < logs_.size(); ++i) {
        const double agreement = gradient[i] * last[i];
        if (agreement > 0) step[i] = std::min(step[i] * 1.3, 1.0);
        if (agreement < 0) step[i] = std::max(step[i] * 0.5, 1e-3);
        last[i] = agreement < 0 ? 0 : gradient[i];
        if (last[i] != 0) logs_[i] -= std::copysign(step[i], last[i]);
        logs_[i] = std::clamp(logs_[i], -12.0, 6.0);
      }
    }
    logs_ = best;
  }

  std::vector<Component> components() const {
    auto learned = components_;
    std::size_t at = 0;
    for (auto& component : learned) {
      component.variance = static_cast<float>(std::exp(logs_[at++]));
      for (auto& input : component.inputs) input.weight = static_cast<float>(std::exp(logs_[at++]));
    }
    return learned;
  }
  double noise() const { return std::exp(logs_.back()); }

 private:
  double cost_and_gradient(std::vector<double>& gradient) {
    const auto n = targets_.size();
    std::vector<Eigen::MatrixXf> parts;
    Matrix sum = Matrix::Identity(n, n) * (std::exp(2 * logs_.back()) + 1e-8);
    std::size_t at = 0;
    std::size_t d = 0;
    for (const auto& component : components_) {
      const float variance = static_cast<float>(std::exp(logs_[at++]));
      Eigen::MatrixXf part = Eigen::MatrixXf::Zero(n, n);
      for (std::size_t i = 0; i < component.inputs.size(); ++i)
        part.noalias() -= static_cast<float>(std::exp(logs_[at++])) * distances_[d++];
      part = variance * part.array().exp().matrix();
      sum += part.cast<double>();
      parts.push_back(std::move(part));
    }
    const Eigen::LLT<Matrix> factor(sum);
    const Vector alpha = factor.solve(targets_);
    const Matrix inverse = factor.solve(Matrix::Identity(n, n));
    const Eigen::MatrixXf slope = (inverse - alpha * alpha.transpose()).cast<float>();
    double cost = 0.5 * targets_.dot(alpha);
    for (Eigen::Index i = 0; i < n; ++i) cost += std::log(factor.matrixLLT()(i, i));
    at = 0;
    d = 0;
    for (std::size_t c = 0; c < components_.size(); ++c) {
      const Eigen::MatrixXf product = slope.cwiseProduct(parts[c]);
      gradient[at++] = 0.5 * static_cast<double>(product.sum());
      for (std::size_t i = 0; i < components_[c].inputs.size(); ++i) {
        const double weight = std::exp(logs_[at]);
        gradient[at++] =
            -0.5 * weight * static_cast<double>(product.cwiseProduct(distances_[d++]).sum());
      }
    }
    gradient.back() = std::exp(2 * logs_.back()) * (inverse.trace() - alpha.squaredNorm());
    // A weak pull to the start keeps parameters that the rows say nothing of where they were.
    for (std::size_t i = 0; i < logs_.size(); ++i) {
      const double moved = logs_[i] - start_[i];
      cost += 0.05 * moved * moved;
      gradient[i] += 0.1 * moved;
    }
    return cost;
  }

  std::vector<Component> components_;
  std::vector<Eigen::MatrixXf> distances_;  // of each input of each component
  Vector targets_;
  double log_noise_;
  std::vector<double> logs_;
  std::vector<double> start_;
};

Points points_of(const std::array<std::vector<std::string>, FeatureRow::kCategories>& vocabulary,
                 std::span<const FeatureRow> rows, std::span<const std::size_t> chosen) {
  Points points;
  for (auto& values : points) values.reserve(chosen.size());
  for (const std::size_t i : chosen) {
    const auto inputs = kernel_inputs(vocabulary, rows[i]);
    for (std::size_t k = 0; k < points.size(); ++k) points[k].push_back(inputs[k]);
  }
  return points;
}

/// `count` of the rows, the same share of every network.
std::vector<std::size_t> spread_rows(std::span<const FeatureRow> rows, std::size_t count,
                                     std::mt19937_64& random) {
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::shuffle(order, random);
  if (rows.size() <= count) return order;
  std::ranges::stable_sort(order, {},
                           [&](std::size_t i) { return rows[i].categories[network_name]; });
  std::vector<std::size_t> chosen;
  for (std::size_t k = 0; k < count; ++k) chosen.push_back(order[k * rows.size() / count]);
  return chosen;
}

/// Cholesky of a covariance matrix, with as much added to its diagonal as rounding asks for.
Eigen::LLT<Matrix> factor_covariance(Matrix covariance) {
  const double mean = covariance.trace() / static_cast<double>(covariance.rows()) + 1e-12;
  double added = 1e-7 * mean;
  for (;; added *= 10) {
    covariance.diagonal().array() += added;
    Eigen::LLT<Matrix> factor(covariance);
    if (factor.info() == Eigen::Success || added > mean) return factor;
  }
}

/// Weights of the chosen points by projecting all rows on them (subset of regressors): minimises
/// |y - K alpha|^2 / noise^2 + alpha' K_mm alpha. In coordinates in which K_mm is the identity, so
/// that single precision is enough for the many products.
Vector project_alpha(std::span<const FeatureRow> rows, const Vector& y, const Matrix& among,
                     double noise, const KernelModel& model) {
  constexpr Eigen::Index kBlock = 512;
  const Eigen::Index m = among.rows();
  const auto factor = factor_covariance(among);
  const Eigen::MatrixXf lower = Matrix(factor.matrixL()).cast<float>();
  Eigen::MatrixXf normal = Eigen::MatrixXf::Zero(m, m);
  Vector right = Vector::Zero(m);
  Eigen::MatrixXf block(m, kBlock);
  std::vector<float> line;
  for (std::size_t begin = 0; begin < rows.size(); begin += kBlock) {
    const auto size =
        std::min<Eigen::Index>(kBlock, static_cast<Eigen::Index>(rows.size() - begin));
    for (Eigen::Index i = 0; i < size; ++i) {
      kernel_row(model.components, model.points,
                 kernel_inputs(model.vocabulary, rows[begin + static_cast<std::size_t>(i)]), line);
      block.col(i) = Eigen::Map<const Eigen::VectorXf>(line.data(), m);
    }
    auto part = block.leftCols(size);
    lower.triangularView<Eigen::Lower>().solveInPlace(part);
    normal.selfadjointView<Eigen::Lower>().rankUpdate(part);
    right.noalias() += part.cast<double>() * y.segment(static_cast<Eigen::Index>(begin), size);
  }
  Matrix precision = normal.selfadjointView<Eigen::Lower>().toDenseMatrix().cast<double>();
  precision.diagonal().array() += noise * noise + 1e-8;
  const Vector whitened = factor_covariance(std::move(precision)).solve(right);
  return factor.matrixU().solve(whitened);
}

void solve_alpha(std::span<const FeatureRow> rows, const Vector& y,
                 std::span<const std::size_t> chosen, double noise, KernelModel& model) {
  const auto m = static_cast<Eigen::Index>(chosen.size());
  Matrix among(m, m);
  std::vector<float> line;
  for (Eigen::Index i = 0; i < m; ++i) {
    kernel_row(model.components, model.points,
               kernel_inputs(model.vocabulary, rows[chosen[static_cast<std::size_t>(i)]]), line);
    among.col(i) = Eigen::Map<const Eigen::VectorXf>(line.data(), m).cast<double>();
  }
  Vector alpha;
  if (chosen.size() == rows.size()) {
    Vector of_chosen(m);
    for (Eigen::Index i = 0; i < m; ++i)
      of_chosen[i] = y[static_cast<Eigen::Index>(chosen[static_cast<std::size_t>(i)])];
    among.diagonal().array() += noise * noise;
    alpha = factor_covariance(std::move(among)).solve(of_chosen);
  } else {
    alpha = project_alpha(rows, y, among, noise, model);
  }
  model.alpha.resize(chosen.size());
  for (Eigen::Index i = 0; i < m; ++i)
    model.alpha[static_cast<std::size_t>(i)] = static_cast<float>(alpha[i]);
}

}  // namespace

std::array<std::vector<std::string>, FeatureRow::kCategories> vocabulary_of(
    std::span<const FeatureRow> rows) {
  std::array<std::vector<std::string>, FeatureRow::kCategories> vocabulary;
  for (const FeatureRow& row : rows)
    for (std::size_t c = 0; c < FeatureRow::kCategories; ++c)
      if (std::ranges::find(vocabulary[c], row.categories[c]) == vocabulary[c].end())
        vocabulary[c].push_back(row.categories[c]);
  return vocabulary;
}

KernelModel fit_kernel(std::span<const FeatureRow> rows, std::span<const double> targets,
                       const KernelOptions& options, const KernelModel* start) {
  KernelModel model;
  if (rows.empty()) return model;
  std::mt19937_64 random(options.seed);
  model.vocabulary = vocabulary_of(rows);
  model.mean =
      std::accumulate(targets.begin(), targets.end(), 0.0) / static_cast<double>(targets.size());
  Vector y(static_cast<Eigen::Index>(targets.size()));
  for (std::size_t i = 0; i < targets.size(); ++i)
    y[static_cast<Eigen::Index>(i)] = targets[i] - model.mean;
  double noise = 0.05;
  if (start != nullptr && !start->components.empty()) {
    model.components = start->components;
    noise = start->noise;
  } else {
    const auto learned_on = spread_rows(rows, options.learning_rows, random);
    const auto points = points_of(model.vocabulary, rows, learned_on);
    Vector part(static_cast<Eigen::Index>(learned_on.size()));
    for (std::size_t i = 0; i < learned_on.size(); ++i)
      part[static_cast<Eigen::Index>(i)] = y[static_cast<Eigen::Index>(learned_on[i])];
    // Where series follow, each has what is its context's: the kernel looks at the rest.
    KernelLearning learning(usable_components(points, rows.size() <= options.most_points), points,
                            part, noise);
    learning.run(options.rounds);
    model.components = learning.components();
    noise = learning.noise();
  }
  model.noise = noise;
  const auto chosen = spread_rows(rows, options.most_points, random);
  model.points = points_of(model.vocabulary, rows, chosen);
  set_range(model);
  solve_alpha(rows, y, chosen, noise, model);
  if (rows.size() <= options.most_points) return model;  // the kernel itself knows every record
  std::vector<std::array<float, SeriesModel::kInputs>> inputs;
  std::vector<double> left;
  inputs.reserve(rows.size());
  left.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    inputs.push_back(kernel_inputs(model.vocabulary, rows[i]));
    left.push_back(targets[i] - evaluate(model, rows[i]).value);
  }
  model.series = fit_series(inputs, left);
  return model;
}

}  // namespace galley::estimator
