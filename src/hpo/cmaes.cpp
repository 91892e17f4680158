#include "cmaes.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "history.h"
#include "random_turns.h"
#include "sobol.h"

namespace galley::hpo {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kFirstStep = 0.25;     // in the unit cube
constexpr double kSmallestStep = 1e-7;  // below it a run has converged
constexpr double kNewCategory = 0.15;   // chance to draw one anew
constexpr std::size_t kBestForCategories = 10;
constexpr std::size_t kStartsFromBest = 2;  // one restart in so many; the others start anywhere
constexpr std::size_t kLargestPopulation = 512;

/// One run of CMA-ES, from a mean on.
class CmaesRun {
 public:
  CmaesRun(const VectorXd& mean, std::size_t population, double step)
      : mean_(mean), step_(step), population_(population) {
    const auto n = static_cast<double>(mean.size());
    const std::size_t parents = population / 2;
    double sum = 0;
    double squares = 0;
    for (std::size_t i = 0; i < parents; ++i) {
      const double weight =
          std::log(static_cast<double>(population + 1) / 2) - std::log(static_cast<double>(i + 1));
      weights_.push_back(weight);
      sum += weight;
    }
    for (double& weight : weights_) {
      weight /= sum;
      squares += weight * weight;
    }
    effective_ = 1 / squares;
    path_rate_ = (effective_ + 2) / (n + effective_ + 5);
    damping_ = 1 + path_rate_ + 2 * std::max(0.0, std::sqrt((effective_ - 1) / (n + 1)) - 1);
    shape_rate_ = (4 + effective_ / n) / (n + 4 + 2 * effective_ / n);
    one_rate_ = 2 / ((n + 1.3) * (n + 1.3) + effective_);
    rank_rate_ = std::min(1 - one_rate_,
                          2 * (effective_ - 2 + 1 / effective_) / ((n + 2) * (n + 2) + effective_));
    norm_ = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
    covariance_ = MatrixXd::Identity(mean.size(), mean.size());
    axes_ = covariance_;
    lengths_ = VectorXd::Ones(mean.size());
    path_ = shape_path_ = VectorXd::Zero(mean.size());
  }

  VectorXd draw(Rng& rng) const {
    VectorXd z(mean_.size());
    for (double& value : z) value = rng.normal();
    return mean_ + step_ * (axes_ * lengths_.cwiseProduct(z));
  }

  std::size_t population() const { return population_; }

  /// The generation's points, best first.
  void update(const std::vector<VectorXd>& sorted) {
    const VectorXd before = mean_;
    mean_.setZero();
    for (std::size_t i = 0; i < weights_.size(); ++i) mean_ += weights_[i] * sorted[i];
    const VectorXd moved = (mean_ - before) / step_;
    const VectorXd whitened = axes_ * (axes_.transpose() * moved).cwiseQuotient(lengths_);
    path_ =
        (1 - path_rate_) * path_ + std::sqrt(path_rate_ * (2 - path_rate_) * effective_) * whitened;
    ++generations_;
    const double faded =
        std::sqrt(1 - std::pow(1 - path_rate_, 2 * static_cast<double>(generations_)));
    const auto n = static_cast<double>(mean_.size());
    const bool is_steady = path_.norm() / faded < (1.4 + 2 / (n + 1)) * norm_;
    shape_path_ *= 1 - shape_rate_;
    if (is_steady) shape_path_ += std::sqrt(shape_rate_ * (2 - shape_rate_) * effective_) * moved;
    const double lost = is_steady ? 0 : one_rate_ * shape_rate_ * (2 - shape_rate_);
    covariance_ *= 1 - one_rate_ - rank_rate_ + lost;
    covariance_ += one_rate_ * shape_path_ * shape_path_.transpose();
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const VectorXd y = (sorted[i] - before) / step_;
      covariance_ += rank_rate_ * weights_[i] * y * y.transpose();
    }
    step_ *= std::exp(std::min(1.0, path_rate_ / damping_ * (path_.norm() / norm_ - 1)));
    const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(covariance_);
    axes_ = eigen.eigenvectors();
    lengths_ = eigen.eigenvalues().cwiseMax(1e-20).cwiseSqrt();
  }

  bool has_converged() const {
    return !(step_ * lengths_.maxCoeff() > kSmallestStep) || step_ > 1e3 ||
           lengths_.maxCoeff() > 1e7 * lengths_.minCoeff();
  }

 private:
  VectorXd mean_;
  double step_;
  std::size_t population_;
  std::vector<double> weights_;
  double effective_ = 0;
  double path_rate_ = 0;
  double damping_ = 0;
  double shape_rate_ = 0;
  double one_rate_ = 0;
  double rank_rate_ = 0;
  double norm_ = 0;
  MatrixXd covariance_;
  MatrixXd axes_;
  VectorXd lengths_;
  VectorXd path_;
  VectorXd shape_path_;
  std::size_t generations_ = 0;
};

class CmaesSampler : public Sampler {
 public:
  CmaesSampler(const Space& space, const SamplerOptions& options, std::vector<std::size_t> axes)
      : space_(space),
        options_(options),
        axes_(std::move(axes)),
        history_(space.size()),
        sobol_(space.size(), options.seed),
        turns_(options.startup_trials > 0 ? options.startup_trials : 1, options.random_ratio),
        smallest_(4 + static_cast<std::size_t>(3 * std::log(static_cast<double>(axes_.size())))),
        run_(VectorXd::Constant(static_cast<Index>(axes_.size()), 0.5), smallest_, kFirstStep) {}

  Point ask(TrialNumber trial) override {
    Rng rng(options_.seed, static_cast<std::uint64_t>(trial));
    const Point point = turns_.is_random()
                            ? spread_point(space_, sobol_, turns_.random_count(), rng)
                            : propose(rng);
    adopt(trial, point);
    return point;
  }
  void adopt(TrialNumber trial, const Point& point) override {
    if (!turns_.is_random()) run_of_[trial] = runs_;
    turns_.take();
    history_.start(trial, point);
  }
  void observe(const Observation& observation) override {
    const std::size_t row = history_.observe(observation);
    const auto found = run_of_.find(observation.trial);
    const bool is_ours = found != run_of_.end() && found->second == runs_;
    if (found != run_of_.end()) run_of_.erase(found);
    if (!is_ours) return;
    results_.push_back(row);
    if (results_.size() == run_.population()) end_generation();
  }
  void forget(TrialNumber trial) override {
    history_.forget(trial);
    run_of_.erase(trial);
  }

 private:
  VectorXd place(std::size_t row) const {
    VectorXd result(static_cast<Index>(axes_.size()));
    for (std::size_t i = 0; i < axes_.size(); ++i)
      result[static_cast<Index>(i)] = space_.to_unit(axes_[i], history_.point(row)[axes_[i]]);
    return result;
  }

  Point propose(Rng& rng) {
    Point point(space_.size(), std::nan(""));
    // Outside the cube is mirrored at its walls, which keeps the draw's density inside.
    const VectorXd drawn = run_.draw(rng);
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      double unit = std::fmod(std::abs(drawn[static_cast<Index>(i)]), 2.0);
      if (!std::isfinite(unit)) unit = rng.uniform();
      point[axes_[i]] = space_.from_unit(axes_[i], unit > 1 ? 2 - unit : unit);
    }
    const auto& ranking = history_.ranking();
    const std::size_t best = std::min(ranking.size(), kBestForCategories);
    if (best > 0) {
      const std::uint32_t parent = ranking[rng.below(best)];
      for (std::size_t i = 0; i < point.size(); ++i)
        if (space_.parameter(i).kind == ParameterKind::categorical && rng.uniform() > kNewCategory)
          point[i] = history_.point(parent)[i];
    }
    space_.repair(point, rng);
    return point;
  }

  void end_generation() {
    const auto value = [this](std::size_t row) {
      return history_.state(row) == History::State::finished
                 ? history_.value(row)
                 : std::numeric_limits<double>::infinity();
    };
    std::ranges::stable_sort(results_, {}, value);
    const double best = value(results_.front());
    const bool is_flat = best == value(results_[results_.size() / 2]);
    std::vector<VectorXd> sorted;
    for (const std::size_t row : results_) sorted.push_back(place(row));
    run_.update(sorted);
    results_.clear();
    idle_ = best < best_of_run_ && !is_flat ? 0 : idle_ + 1;
    best_of_run_ = std::min(best_of_run_, best);
    const auto patience = static_cast<std::size_t>(10 + 30 * static_cast<double>(axes_.size()) /
                                                            static_cast<double>(run_.population()));
    if (run_.has_converged() || idle_ >= patience) restart();
  }

  void restart() {
    ++runs_;
    Rng rng(options_.seed, 0xC3A00000 + runs_);
    VectorXd mean(static_cast<Index>(axes_.size()));
    for (double& value : mean) value = rng.uniform();
    const bool is_local = runs_ % kStartsFromBest == 1 && !history_.ranking().empty();
    if (is_local) mean = place(history_.ranking().front());
    const std::size_t population =
        std::min(kLargestPopulation, smallest_ << std::min<std::size_t>(runs_ / 2, 16));
    run_ = CmaesRun(mean, population, is_local ? kFirstStep / 3 : kFirstStep);
    best_of_run_ = std::numeric_limits<double>::infinity();
    idle_ = 0;
    results_.clear();
  }

  Space space_;
  SamplerOptions options_;
  std::vector<std::size_t> axes_;
  History history_;
  Sobol sobol_;
  RandomTurns turns_;
  std::size_t smallest_;
  CmaesRun run_;
  std::size_t runs_ = 0;
  std::unordered_map<TrialNumber, std::size_t> run_of_;  // of running trials that the model drew
  std::vector<std::size_t> results_;                     // rows of the generation so far
  double best_of_run_ = std::numeric_limits<double>::infinity();
  std::size_t idle_ = 0;  // generations without gain
};

}  // namespace

Result<std::unique_ptr<Sampler>> make_cmaes_sampler(const Space& space,
                                                    const SamplerOptions& options) {
  std::vector<std::size_t> axes;
  for (std::size_t i = 0; i < space.size(); ++i)
    if (space.parameter(i).kind != ParameterKind::categorical) axes.push_back(i);
  if (axes.empty())
    return Error{Errc::unsupported, "CMA-ES needs a parameter that is a number or ordered",
                 "h_params", "", "tpe or gp take categories alone"};
  return std::unique_ptr<Sampler>(std::make_unique<CmaesSampler>(space, options, std::move(axes)));
}

}  // namespace galley::hpo
