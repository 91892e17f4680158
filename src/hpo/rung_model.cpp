#include "hpo/rung_model.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>

#include "hpo/population.h"

namespace galley::hpo {
namespace {

constexpr std::size_t kRungRows = 250;  // a fit of 250 rows takes about two milliseconds
constexpr std::size_t kRungLeast = 10;  // results before the model is asked
constexpr std::size_t kRungCandidates = 100;
constexpr double kRungRandomRatio = 0.25;
constexpr double kShortest = 0.15;  // lengths, of the unit cube
constexpr double kLongest = 8;

double matern(const std::vector<double>& a, const std::vector<double>& b,
              const std::vector<double>& lengths) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = (a[i] - b[i]) / lengths[i];
    squares += d * d;
  }
  const double r = std::sqrt(5 * squares);
  return (1 + r + r * r / 3) * std::exp(-r);
}

}  // namespace

struct RungModel::Fit {
  std::vector<const Row*> rows;
  Eigen::VectorXd scores;
  Eigen::LLT<Eigen::MatrixXd> factor;
  Eigen::VectorXd weights;
  double scale = 1;

  /// The log likelihood with the scale at its best, up to a constant.
  double solve(const std::vector<double>& lengths, double noise) {
    const auto n = static_cast<Eigen::Index>(rows.size());
    Eigen::MatrixXd covariance(n, n);
    for (Eigen::Index i = 0; i < n; ++i) {
      const auto& row = rows[static_cast<std::size_t>(i)]->unit;
      for (Eigen::Index j = 0; j < i; ++j)
        covariance(i, j) = covariance(j, i) =
            matern(row, rows[static_cast<std::size_t>(j)]->unit, lengths);
      covariance(i, i) = 1 + noise;
    }
    factor.compute(covariance);
    weights = factor.solve(scores);
    scale = std::max(1e-9, scores.dot(weights) / static_cast<double>(n));
    const double log_root = factor.matrixLLT().diagonal().array().log().sum();
    return -0.5 * static_cast<double>(n) * std::log(scale) - log_root;
  }
};

std::vector<double> RungModel::unit_of(const Point& point) const {
  std::vector<double> unit;
  for (std::size_t i = 0; i < space_.size(); ++i) {
    const auto& parameter = space_.parameter(i);
    const bool is_active = !std::isnan(point[i]);
    if (parameter.kind == ParameterKind::categorical) {
      // One axis a choice: all are equally far from each other.
      for (std::size_t c = 0; c < parameter.choices.size(); ++c)
        unit.push_back(is_active && static_cast<std::size_t>(point[i]) == c ? std::sqrt(0.5) : 0);
    } else {
      unit.push_back(is_active ? space_.to_unit(i, point[i]) : 0.5);
    }
  }
  return unit;
}

void RungModel::add(TrialNumber trial, const Point& point) {
  auto& row = rows_[trial];
  row.point = point;
  row.unit = unit_of(point);
}

bool RungModel::is_better(const Row& a, const Row& b) {
  return a.rung != b.rung ? a.rung > b.rung : a.loss < b.loss;
}

void RungModel::find_best() {
  best_.reset();
  for (const auto& [trial, row] : rows_)
    if (row.rung >= 0 && (!best_ || is_better(row, rows_.at(*best_)))) best_ = trial;
}

void RungModel::set(TrialNumber trial, int rung, double loss) {
  const auto found = rows_.find(trial);
  if (found == rows_.end()) return;
  Row& row = found->second;
  if (rung >= 0 && rung < row.rung) return;
  if (row.rung == -2) ++known_;
  row.rung = rung;
  row.loss = std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss;
  if (trial == best_)
    find_best();
  else if (rung >= 0 && (!best_ || is_better(row, rows_.at(*best_))))
    best_ = trial;
  search_lengths();
}

void RungModel::erase(TrialNumber trial) {
  const auto found = rows_.find(trial);
  if (found == rows_.end()) return;
  if (found->second.rung > -2) --known_;
  rows_.erase(found);
  if (trial == best_) find_best();
}

void RungModel::gather(Fit& fit) const {
  for (auto at = rows_.rbegin(); at != rows_.rend() && fit.rows.size() < kRungRows; ++at)
    if (at->second.rung > -2) fit.rows.push_back(&at->second);
  const auto worse = [](const Row* a, const Row* b) {
    return a->rung != b->rung ? a->rung < b->rung : a->loss > b->loss;
  };
  std::ranges::stable_sort(fit.rows, worse);
  const std::size_t n = fit.rows.size();
  fit.scores.resize(static_cast<Eigen::Index>(n));
  for (std::size_t i = 0; i < n;) {
    std::size_t j = i;
    while (j < n && !worse(fit.rows[i], fit.rows[j])) ++j;
    const double middle = (static_cast<double>(i) + static_cast<double>(j)) / 2;
    for (const double score = normal_quantile(middle / static_cast<double>(n)); i < j; ++i)
      fit.scores[static_cast<Eigen::Index>(i)] = score;
  }
}

void RungModel::search_lengths() {
  const std::size_t n = std::min(known(), kRungRows);
  if (n < kRungLeast || n < lengths_from_ + lengths_from_ / 3 + 5) return;
  lengths_from_ = n;
  Fit model;
  gather(model);
  if (lengths_.empty()) lengths_.assign(model.rows.front()->unit.size(), 1);
  double best = model.solve(lengths_, noise_);
  const auto improve = [&](double& value, double factor, double low, double high) {
    for (const double change : {factor, 1 / factor}) {
      const double before = value;
      value = std::clamp(value * change, low, high);
      const double now = model.solve(lengths_, noise_);
      if (now > best) {
        best = now;
        return;
      }
      value = before;
    }
  };
  for (int pass = 0; pass < 2; ++pass) {
    for (auto& length : lengths_) improve(length, 1.6, kShortest, kLongest);
    improve(noise_, 2, 0.02, 2);
  }
}

std::size_t RungModel::choose(std::span<const Point> candidates, Rng& rng) {
  Fit model;
  gather(model);
  if (model.rows.empty()) return 0;
  const std::vector<double> lengths =
      lengths_.empty() ? std::vector<double>(model.rows.front()->unit.size(), 1) : lengths_;
  model.solve(lengths, noise_);
  const auto n = static_cast<Eigen::Index>(model.rows.size());
  Eigen::VectorXd against(n);
  std::size_t chosen = 0;
  double greatest = -std::numeric_limits<double>::infinity();
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    const auto unit = unit_of(candidates[c]);
    for (Eigen::Index i = 0; i < n; ++i)
      against[i] = matern(unit, model.rows[static_cast<std::size_t>(i)]->unit, lengths);
    const double mean = against.dot(model.weights);
    model.factor.matrixL().solveInPlace(against);
    const double variance = std::max(1e-9, 1 - against.squaredNorm()) * model.scale;
    const double sample = mean + std::sqrt(variance) * rng.normal();
    if (sample > greatest) {
      greatest = sample;
      chosen = c;
    }
  }
  return chosen;
}

RungSampler::RungSampler(const Space& space, std::uint64_t seed)
    : space_(space), seed_(seed), model_(space_) {}

Point RungSampler::ask(TrialNumber trial) {
  // A stream for each trial, so that adopting one leaves the others as they are.
  Rng rng(seed_, static_cast<std::uint64_t>(trial) + 16);
  Point point;
  if (model_.known() < kRungLeast || rng.uniform() < kRungRandomRatio) {
    point = space_.draw(rng);
  } else {
    std::vector<Point> candidates;
    const Point* best = model_.best();
    for (std::size_t i = 0; i < kRungCandidates; ++i)
      candidates.push_back(i % 4 == 0 && best
                               ? perturb(space_, *best, {.factor = 1.2, .resample_ratio = 0.1}, rng)
                               : space_.draw(rng));
    std::erase_if(candidates, [&](const Point& p) { return !space_.contains(p); });
    if (candidates.empty()) candidates.push_back(space_.draw(rng));
    point = candidates[model_.choose(candidates, rng)];
  }
  model_.add(trial, point);
  return point;
}

void RungSampler::observe(const Observation& observation) {
  model_.add(observation.trial, observation.point);
  if (observation.objectives.empty() || std::isnan(observation.objectives[0])) {
    model_.set(observation.trial, -1, 0);
    return;
  }
  // Larger resources are higher rungs; only their order counts, so micro-units will do.
  const double rung =
      observation.resource <= 0 ? std::numeric_limits<int>::max() : observation.resource * 1e6;
  model_.set(observation.trial,
             static_cast<int>(std::min<double>(rung, std::numeric_limits<int>::max())),
             observation.objectives[0]);
}

}  // namespace galley::hpo
