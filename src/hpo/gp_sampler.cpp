#include "gp_sampler.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "acquisition.h"
#include "gp_model.h"
#include "history.h"
#include "random_turns.h"
#include "sobol.h"
#include "warp.h"

namespace galley::hpo {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kSoftnesses[] = {0, 1, 0.1, 0.01};
constexpr int kFitEvaluations = 40;
constexpr int kWarpEvaluations = 12;
constexpr double kRefitGrowth = 1.1;
constexpr std::size_t kStarts = 5;

std::vector<bool> categories_of(const Space& space) {
  std::vector<bool> result;
  for (const Parameter& p : space.parameters())
    result.push_back(p.kind == ParameterKind::categorical);
  return result;
}

class GpSampler : public Sampler {
 public:
  GpSampler(const Space& space, const SamplerOptions& options, const GpOptions& gp)
      : space_(space),
        options_(options),
        gp_(gp),
        history_(space.size()),
        sobol_(space.size(), options.seed),
        model_(categories_of(space)),
        turns_(options.startup_trials > 0 ? options.startup_trials
                                          : std::clamp<std::size_t>(space.size() + 2, 5, 12),
               options.random_ratio) {}

  Point ask(TrialNumber trial) override {
    const Point point = propose(trial);
    adopt(trial, point);
    return point;
  }

  void adopt(TrialNumber trial, const Point& point) override {
    turns_.take();
    history_.start(trial, point);
  }

  void observe(const Observation& observation) override {
    if (observation.trial < 0) turns_.learn();
    const std::size_t row = history_.observe(observation);
    if (has_result_.size() <= row) has_result_.resize(row + 1, false);
    if (!has_result_[row]) results_.push_back(row);
    has_result_[row] = true;
    if (history_.ranking().size() < 2 || history_.observed_count() < next_fit_) return;
    next_fit_ = std::max(
        history_.observed_count() + 1,
        static_cast<std::size_t>(kRefitGrowth * static_cast<double>(history_.observed_count())));
    collect();
    fit_rows_ = rows_;
    fit_values_ = raw_;
    must_fit_ = true;
  }

  void forget(TrialNumber trial) override { history_.forget(trial); }

 private:
  /// The rows that the model is made of and their values, failures as bad as the worst.
  void collect() {
    rows_ = results_;
    if (rows_.size() > gp_.history) cap_rows();
    // The reference's values, best first; those that stopped earlier count as its worse half.
    std::vector<double> reference;
    for (const std::uint32_t row : history_.ranking())
      if (history_.is_at_reference(row)) reference.push_back(history_.value(row));
    const std::size_t stopped = history_.ranking().size() - reference.size();
    std::vector<double> by_row(history_.size(), reference.back());
    for (std::size_t i = 0; i < history_.ranking().size(); ++i) {
      const std::size_t half = reference.size() / 2;
      const std::size_t place =
          i < reference.size()
              ? i
              : half + (i - reference.size()) * (reference.size() - half) / stopped;
      by_row[history_.ranking()[i]] = reference[place];
    }
    raw_.resize(static_cast<Index>(rows_.size()));
    for (std::size_t i = 0; i < rows_.size(); ++i) raw_[static_cast<Index>(i)] = by_row[rows_[i]];
  }

  /// The best third, the newest third, and an even spread of the rest.
  void cap_rows() {
    const std::size_t third = gp_.history / 3;
    std::vector<bool> is_kept(history_.size(), false);
    for (std::size_t i = 0; i < third && i < history_.ranking().size(); ++i)
      is_kept[history_.ranking()[i]] = true;
    for (std::size_t i = 0; i < third; ++i) is_kept[rows_[rows_.size() - 1 - i]] = true;
    for (std::size_t i = 0; i < third; ++i) is_kept[rows_[i * rows_.size() / third]] = true;
    std::erase_if(rows_, [&](std::size_t row) { return !is_kept[row]; });
  }

  MatrixXd places(const std::vector<std::size_t>& rows) const {
    MatrixXd result(static_cast<Index>(space_.size()), static_cast<Index>(rows.size()));
    for (std::size_t i = 0; i < rows.size(); ++i)
      result.col(static_cast<Index>(i)) = model_place(space_, history_.point_copy(rows[i]));
    return result;
  }

  void fit() {
    const MatrixXd points = places(fit_rows_);
    double best_score = -std::numeric_limits<double>::infinity();
    GpModel::Hyper best;
    for (const double softness : kSoftnesses) {
      const Warp warp(fit_values_, softness);
      double score = 0;
      const auto hyper =
          model_.fit(points, warp(fit_values_), model_.first_guess(), kWarpEvaluations, &score);
      score += warp.log_slopes(fit_values_);
      if (score <= best_score) continue;
      best_score = score;
      best = hyper;
      softness_ = softness;
    }
    hyper_ = model_.fit(points, Warp(fit_values_, softness_)(fit_values_), best, kFitEvaluations,
                        nullptr);
    must_fit_ = false;
    conditioned_.clear();
  }

  Point propose(TrialNumber trial) {
    Rng rng(options_.seed, static_cast<std::uint64_t>(trial));
    if (turns_.is_random() || history_.ranking().size() < 2)
      return spread_point(space_, sobol_, turns_.random_count(), rng);
    if (must_fit_) fit();
    collect();
    condition();
    const Warp warp(raw_, softness_);
    const VectorXd values = warp(raw_);
    model_.set_values(values);
    AcquisitionSearch search;
    search.best = model_.fitted().minCoeff();
    add_fantasies(values);
    for (const std::uint32_t row : history_.ranking()) {
      if (search.starts.size() == kStarts) break;
      search.starts.push_back(history_.point_copy(row));
    }
    search.is_taken = [this](const Point& point) { return history_.has_seen(point); };
    Point point = maximise_improvement(space_, model_, search, rng);
    model_.truncate(values.size());
    return point.empty() ? space_.draw(rng) : point;
  }

  /// The factor of the fit's rows, extended row by row. One of all rows at once would differ in
  /// its last bits, and a replayed study, which asks less often, must propose the same.
  void condition() {
    const auto begins_with = [this](const std::vector<std::size_t>& rows) {
      return !rows.empty() && rows.size() <= rows_.size() &&
             std::equal(rows.begin(), rows.end(), rows_.begin());
    };
    if (!begins_with(fit_rows_)) {
      model_.condition(hyper_, places(rows_));
      conditioned_.clear();
      return;
    }
    if (!begins_with(conditioned_)) {
      model_.condition(hyper_, places(fit_rows_));
      conditioned_ = fit_rows_;
    }
    for (std::size_t i = conditioned_.size(); i < rows_.size(); ++i)
      model_.append(model_place(space_, history_.point_copy(rows_[i])));
    conditioned_ = rows_;
  }

  /// Running trials count as if they had found what the model expects there.
  void add_fantasies(const VectorXd& values) {
    const auto& running = history_.running();
    if (running.empty()) return;
    MatrixXd points(static_cast<Index>(space_.size()), static_cast<Index>(running.size()));
    for (std::size_t i = 0; i < running.size(); ++i)
      points.col(static_cast<Index>(i)) = model_place(space_, history_.point_copy(running[i]));
    VectorXd mean;
    VectorXd deviation;
    model_.predict(points, mean, deviation);
    VectorXd extended(values.size() + mean.size());
    extended << values, mean;
    for (Index i = 0; i < points.cols(); ++i) model_.append(points.col(i));
    model_.extend_values(extended);
  }

  Space space_;
  SamplerOptions options_;
  GpOptions gp_;
  History history_;
  Sobol sobol_;
  GpModel model_;
  RandomTurns turns_;

  std::size_t next_fit_ = 2;
  bool must_fit_ = false;
  std::vector<std::size_t> fit_rows_;
  VectorXd fit_values_;
  GpModel::Hyper hyper_;
  double softness_ = 0;

  std::vector<std::size_t> results_;  // rows in the order of their first results
  std::vector<bool> has_result_;
  std::vector<std::size_t> rows_;  // of the model, in its order
  VectorXd raw_;
  std::vector<std::size_t> conditioned_;  // rows of the factor; empty: not extended row by row
};

}  // namespace

std::unique_ptr<Sampler> make_gp_sampler(const Space& space, const SamplerOptions& options,
                                         const GpOptions& gp) {
  return std::make_unique<GpSampler>(space, options, gp);
}

}  // namespace galley::hpo
