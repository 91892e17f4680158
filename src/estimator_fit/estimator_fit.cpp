#include "estimator_fit/estimator_fit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>

namespace galley::estimator {
namespace {

constexpr std::size_t kLeastRows = 8;
// Past this, one part of the rows measures errors instead of all in turn: records are many enough.
constexpr std::size_t kManyRows = 3'000;
constexpr std::size_t kMostLeftOut = 8;  // devices or networks left out in turn

/// Kernel and trees of one split, with what they say of the rows that were left out.
struct LeftOut {
  std::size_t row = 0;
  double kernel = 0;  // log(actual) is physics + part of each
  double trees = 0;
  double actual = 0;  // log(actual / physics)
  double similarity = 0;
  double weight = 1;
};

struct SplitFit {
  PhysicsModel physics;
  KernelModel kernel;
  DenseEncoder encoder;
  TreeModel trees;
};

Result<SplitFit> fit_split(std::span<const Observation> rows, const FitOptions& options,
                           const KernelModel* start) {
  SplitFit fit;
  fit.physics = fit_physics(rows);
  std::vector<FeatureRow> features;
  std::vector<double> targets;
  features.reserve(rows.size());
  for (const auto& row : rows) {
    features.push_back(feature_row(row.job));
    targets.push_back(std::log(row.step_s / physics_step_s(fit.physics, row.job)));
  }
  fit.kernel = fit_kernel(features, targets, options.kernel, start);
  fit.encoder = {true, vocabulary_of(features)};
  GALLEY_TRY(fit.trees,
             fit_boosting(encode_rows(fit.encoder, features), targets, options.boosting));
  return fit;
}

void predict_left_out(const SplitFit& fit, std::span<const Observation> rows,
                      std::span<const std::size_t> which, std::vector<LeftOut>& out) {
  std::vector<float> dense;
  for (const std::size_t i : which) {
    const auto row = feature_row(rows[i].job);
    fit.encoder.encode(row, dense);
    const auto kernel = evaluate(fit.kernel, row);
    out.push_back({i, kernel.value, evaluate(fit.trees, dense),
                   std::log(rows[i].step_s / physics_step_s(fit.physics, rows[i].job)),
                   kernel.similarity});
  }
}

/// Fits on all rows but `which`, and predicts those.
Status leave_out(std::span<const Observation> rows, std::span<const std::size_t> which,
                 const FitOptions& options, const KernelModel& start, std::vector<LeftOut>& out) {
  std::vector<bool> is_out(rows.size(), false);
  for (const std::size_t i : which) is_out[i] = true;
  std::vector<Observation> rest;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!is_out[i]) rest.push_back(rows[i]);
  if (which.empty() || rest.size() < kLeastRows / 2) return ok();
  GALLEY_TRY(const auto fit, fit_split(rest, options, &start));
  predict_left_out(fit, rows, which, out);
  return ok();
}

double mean_error(std::span<const LeftOut> left_out, double weight) {
  double sum = 0;
  for (const auto& one : left_out) {
    const double error = one.actual - weight * one.kernel - (1 - weight) * one.trees;
    sum += std::min(std::abs(error), 1.0);
  }
  return sum;
}

struct WeightedError {
  double error = 0;
  double weight = 1;
};

/// The error below which this share of the weight lies. Half of one more record is added at the
/// far end, so that with equal weights k / (n + 1) is where the k-th error covers that share.
double conformal_quantile(const std::vector<WeightedError>& sorted, double level) {
  double total = 0;
  for (const auto& one : sorted) total += one.weight;
  const double asked = std::max(level, 1 - level) * (1 + 1 / static_cast<double>(sorted.size()));
  double sum = 0;
  const auto enough = [&](const WeightedError& one) {
    sum += one.weight;
    return sum >= asked * total * (1 - 1e-9);
  };
  if (level < 0.5) {
    const auto found = std::find_if(sorted.rbegin(), sorted.rend(), enough);
    return found == sorted.rend() ? sorted.front().error : found->error;
  }
  const auto found = std::ranges::find_if(sorted, enough);
  return found == sorted.end() ? sorted.back().error : found->error;
}

constexpr std::size_t kLeastForQuantiles = 12;

bool set_quantiles(std::vector<WeightedError> sorted, ErrorQuantiles& errors) {
  if (sorted.size() < kLeastForQuantiles) return false;
  std::ranges::sort(sorted, {}, &WeightedError::error);
  errors.count = static_cast<double>(sorted.size());
  for (std::size_t i = 0; i < errors.log_error.size(); ++i)
    errors.log_error[i] = conformal_quantile(sorted, ErrorQuantiles::kLevels[i]);
  return true;
}

bool set_quantiles(std::span<const LeftOut> left_out, double weight, ErrorQuantiles& errors) {
  std::vector<WeightedError> sorted;
  for (const auto& one : left_out)
    sorted.push_back({one.actual - weight * one.kernel - (1 - weight) * one.trees, one.weight});
  return set_quantiles(std::move(sorted), errors);
}

ErrorQuantiles widened(const ErrorQuantiles& from, double by) {
  ErrorQuantiles errors = from;
  errors.count = 0;
  for (double& error : errors.log_error) error *= by;
  return errors;
}

/// Rows of each value of a category, the most frequent values first, at most kMostLeftOut of them.
std::vector<std::vector<std::size_t>> rows_by(std::span<const Observation> rows,
                                              FeatureCategory category) {
  std::map<std::string, std::vector<std::size_t>> by_value;
  for (std::size_t i = 0; i < rows.size(); ++i)
    by_value[category == gpu_name ? rows[i].job.gpu.name : rows[i].job.network.name].push_back(i);
  std::vector<std::vector<std::size_t>> groups;
  if (by_value.size() < 2) return groups;
  for (auto& [name, which] : by_value) groups.push_back(std::move(which));
  std::ranges::stable_sort(groups, std::ranges::greater{},
                           [](const auto& which) { return which.size(); });
  if (groups.size() > kMostLeftOut) groups.resize(kMostLeftOut);
  return groups;
}

/// What was left out, by whether the rest still knew the other half of the job.
struct LeftOutKinds {
  std::vector<LeftOut> one_new, both_new;
  std::size_t groups = 0;
};

/// Estimates of a job by a model that left its network or device out, without and with probes.
struct ProbedEstimate {
  double unprobed = 0;  // log(actual / estimate)
  double probed = 0;
  double weight = 1;
  std::size_t group = 0;  // a row of what was left out
};
using ProbedEstimates = std::array<std::array<std::vector<ProbedEstimate>, 2>, kProbedKinds>;

EstimatorModel model_of(const SplitFit& fit, double kernel_weight) {
  EstimatorModel model;
  model.physics = fit.physics;
  model.kernel = fit.kernel;
  model.encoder = fit.encoder;
  model.trees = fit.trees;
  model.kernel_weight = kernel_weight;
  return model;
}

/// Rows that a user might probe: `count` of them at random.
std::vector<std::size_t> probes_among(std::vector<std::size_t> which, std::size_t count,
                                      std::mt19937_64& random) {
  std::ranges::shuffle(which, random);
  which.resize(std::min(count, which.size()));
  return which;
}

/// Probes jobs of what was left out, and estimates the others with what that told.
Status probe_left_out(const FitRows& data, std::span<const std::size_t> which,
                      FeatureCategory category, const EstimatorModel& model,
                      ProbedEstimates& estimates) {
  constexpr std::size_t kDraws = 4;
  constexpr std::size_t kSeveral = 3;
  std::mt19937_64 random(which.front());
  const auto name_of = [&](std::size_t i) -> const std::string& {
    const auto& job = data.rows[i].job;
    return category == gpu_name ? job.network.name : job.gpu.name;
  };
  for (std::size_t draw = 0; draw < 2 * kDraws; ++draw) {
    const std::size_t several = draw % 2;
    if (which.size() < 2 * kSeveral && several > 0) continue;
    const auto chosen =
        probes_among({which.begin(), which.end()}, several > 0 ? kSeveral : 1, random);
    std::vector<Observation> probes;
    std::set<std::string> groups, names;
    for (const std::size_t i : chosen) {
      probes.push_back(data.rows[i]);
      names.insert(name_of(i));
      if (i < data.groups.size()) groups.insert(data.groups[i]);
    }
    GALLEY_TRY(const auto calibrated, calibrate(model, probes));
    for (const std::size_t i : which) {
      if (std::ranges::find(chosen, i) != chosen.end()) continue;
      if (i < data.groups.size() && groups.contains(data.groups[i])) continue;
      const bool same = names.contains(name_of(i));
      const auto kind = category == network_name
                            ? (same ? ProbedKind::network_here : ProbedKind::network_elsewhere)
                            : (same ? ProbedKind::gpu_same_network : ProbedKind::gpu_other_network);
      const double actual = std::log(data.rows[i].step_s);
      estimates[static_cast<std::size_t>(kind)][several].push_back(
          {actual - predict_log_step(model, data.rows[i].job),
           actual - predict_log_step(calibrated, data.rows[i].job),
           1 / static_cast<double>(which.size()), which.front()});
    }
  }
  return ok();
}

/// The next device or network is one more of a few: where few were left out, errors of another
/// one spread wider than theirs, as Student's t does beside the normal distribution (first term of
/// its expansion at 95 %), and around a mean that is not known well.
double few_groups_factor(std::size_t groups) {
  constexpr double kMost = 2;
  if (groups < 2) return kMost;
  const double count = static_cast<double>(groups);
  return std::min(kMost, (1 + 0.93 / (count - 1)) * std::sqrt(1 + 1 / count));
}

void widen_around_median(ErrorQuantiles& errors, double by) {
  const double middle = errors.log_error[2];
  for (double& error : errors.log_error) error = middle + by * (error - middle);
}

double blended(const ProbedEstimate& one, double weight) {
  return weight * one.probed + (1 - weight) * one.unprobed;
}

/// How far off estimates are with this weight: the mean over what was left out, and half of the
/// harm, beside no probe, to what it harmed most.
double probed_cost(const std::vector<ProbedEstimate>& estimates, double weight) {
  struct Sums {
    double with = 0, without = 0, count = 0;
  };
  std::map<std::size_t, Sums> groups;
  for (const auto& one : estimates) {
    auto& sums = groups[one.group];
    sums.with += std::min(std::abs(blended(one, weight)), 1.0);
    sums.without += std::min(std::abs(one.unprobed), 1.0);
    ++sums.count;
  }
  double mean = 0, harm = 0;
  for (const auto& [group, sums] : groups) {
    mean += sums.with / sums.count / static_cast<double>(groups.size());
    harm = std::max(harm, (sums.with - sums.without) / sums.count);
  }
  return mean + 0.5 * harm;
}

/// What probes tell is believed as far as it made estimates of other jobs better.
void set_probed(const ProbedEstimates& all, EstimatorModel& model) {
  for (std::size_t kind = 0; kind < kProbedKinds; ++kind)
    for (std::size_t several = 0; several < 2; ++several) {
      const auto& estimates = all[kind][several];
      auto& into = model.probed_errors[kind][several];
      if (estimates.size() < kLeastForQuantiles) continue;
      double least = 1e300;
      for (const double weight : {1.0, 0.75, 0.5, 0.25, 0.0})
        if (const double cost = probed_cost(estimates, weight); cost < least * 0.98) {
          least = cost;
          into.weight = weight;
        }
      std::vector<WeightedError> errors;
      std::set<std::size_t> groups;
      for (const auto& one : estimates) {
        errors.push_back({blended(one, into.weight), one.weight});
        groups.insert(one.group);
      }
      if (set_quantiles(std::move(errors), into.errors))
        widen_around_median(into.errors, few_groups_factor(groups.size()));
    }
}

/// A device that was left out may have been the only one of its networks: those rows tell of jobs
/// of which neither is known. Every device counts the same, however many its rows: the next new one
/// is one of them. Networks count by their rows: some are described by a number that means little.
Result<LeftOutKinds> left_out_by(const FitRows& data, FeatureCategory category,
                                 const FitOptions& options, const EstimatorModel& whole,
                                 ProbedEstimates& probed) {
  LeftOutKinds kinds;
  const std::span<const Observation> rows(data.rows);
  const auto other = [&](std::size_t i) -> const std::string& {
    return category == gpu_name ? rows[i].job.network.name : rows[i].job.gpu.name;
  };
  for (const auto& which : rows_by(rows, category)) {
    std::vector<bool> is_out(rows.size(), false);
    for (const std::size_t i : which) is_out[i] = true;
    std::set<std::string> known;
    std::vector<Observation> rest;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (is_out[i]) continue;
      known.insert(other(i));
      rest.push_back(rows[i]);
    }
    if (rest.size() < kLeastRows / 2) continue;
    GALLEY_TRY(const auto fit, fit_split(rest, options, &whole.kernel));
    ++kinds.groups;
    std::vector<LeftOut> of_group;
    predict_left_out(fit, rows, which, of_group);
    for (auto& one : of_group) {
      if (category == gpu_name) one.weight = 1 / static_cast<double>(of_group.size());
      (known.contains(other(one.row)) ? kinds.one_new : kinds.both_new).push_back(one);
    }
    GALLEY_TRY_STATUS(
        probe_left_out(data, which, category, model_of(fit, whole.kernel_weight), probed));
  }
  return kinds;
}

/// As many rows as leaving devices and networks out can be afforded on, evenly spread.
FitRows thinned_rows(const FitRows& data) {
  constexpr std::size_t kMostMeasured = 1'200;
  if (data.rows.size() <= kMostMeasured) return data;
  FitRows kept;
  const std::size_t stride = (data.rows.size() - 1) / kMostMeasured + 1;
  for (std::size_t i = 0; i < data.rows.size(); i += stride) {
    kept.rows.push_back(data.rows[i]);
    if (i < data.groups.size()) kept.groups.push_back(data.groups[i]);
  }
  return kept;
}

Status measure_errors(const FitRows& data, const FitOptions& options, EstimatorModel& model) {
  const auto folds = grouped_folds(data, options.folds, options.seed);
  const std::size_t used = data.rows.size() > kManyRows ? 1 : options.folds;
  std::vector<LeftOut> left_out;
  for (std::size_t fold = 0; fold < used; ++fold) {
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < folds.size(); ++i)
      if (folds[i] == fold) which.push_back(i);
    GALLEY_TRY_STATUS(leave_out(data.rows, which, options, model.kernel, left_out));
  }
  if (left_out.empty()) return ok();
  double best = 1e300;
  for (const double weight : {1.0, 0.75, 0.5, 0.3})
    if (const double error = mean_error(left_out, weight); error < best * 0.99) {
      best = error;
      model.kernel_weight = weight;
    }
  const double weight = model.kernel_weight;
  std::ranges::sort(left_out, {}, &LeftOut::similarity);
  const auto middle = left_out.size() / 2;
  model.near_similarity = left_out[middle].similarity;
  const std::span all(left_out);
  auto& errors = model.errors;
  const auto of = [&](Familiarity kind) -> ErrorQuantiles& {
    return errors[static_cast<std::size_t>(kind)];
  };
  if (set_quantiles(all, weight, of(Familiarity::near)))
    of(Familiarity::seen) = of(Familiarity::near);
  set_quantiles(all.first(middle), weight, of(Familiarity::near));
  set_quantiles(all.subspan(middle), weight, of(Familiarity::seen));
  if (!options.novelty) return ok();
  const auto measured = thinned_rows(data);
  ProbedEstimates probed;
  GALLEY_TRY(const auto gpus, left_out_by(measured, gpu_name, options, model, probed));
  if (set_quantiles(gpus.one_new, weight, of(Familiarity::new_gpu)))
    widen_around_median(of(Familiarity::new_gpu), few_groups_factor(gpus.groups));
  else
    of(Familiarity::new_gpu) = widened(of(Familiarity::near), 3);
  GALLEY_TRY(auto networks, left_out_by(measured, network_name, options, model, probed));
  set_probed(probed, model);
  if (set_quantiles(networks.one_new, weight, of(Familiarity::new_network)))
    widen_around_median(of(Familiarity::new_network), few_groups_factor(networks.groups));
  else
    of(Familiarity::new_network) = widened(of(Familiarity::near), 6);
  networks.both_new.insert(networks.both_new.end(), gpus.both_new.begin(), gpus.both_new.end());
  if (!set_quantiles(networks.both_new, weight, of(Familiarity::new_both)))
    of(Familiarity::new_both) = widened(of(Familiarity::new_network), 1.3);
  return ok();
}

}  // namespace

std::vector<std::size_t> grouped_folds(const FitRows& data, std::size_t folds, std::uint64_t seed) {
  std::map<std::string, std::size_t> fold_of;
  std::vector<std::size_t> result(data.rows.size());
  if (data.groups.size() != data.rows.size()) {
    std::iota(result.begin(), result.end(), std::size_t{0});
    std::ranges::shuffle(result, std::mt19937_64(seed));
    for (auto& fold : result) fold %= folds;
    return result;
  }
  for (const auto& group : data.groups) fold_of[group] = 0;
  std::vector<std::size_t> order(fold_of.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::shuffle(order, std::mt19937_64(seed));
  std::size_t at = 0;
  for (auto& [group, fold] : fold_of) fold = order[at++] % folds;
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = fold_of[data.groups[i]];
  return result;
}

Result<EstimatorModel> fit_estimator(const FitRows& data, const FitOptions& options,
                                     const EstimatorModel* before) {
  if (data.rows.size() < kLeastRows)
    return Error{.code = Errc::invalid_argument,
                 .message = "an estimator cannot be fitted on " + std::to_string(data.rows.size()) +
                            " records",
                 .field = "rows",
                 .expected = "at least " + std::to_string(kLeastRows)};
  for (std::size_t i = 0; i < data.rows.size(); ++i) {
    auto checked = check(data.rows[i].job);
    if (checked && !(data.rows[i].step_s > 0 && std::isfinite(data.rows[i].step_s)))
      checked = Error{.code = Errc::invalid_argument,
                      .message = "its step time is not above 0",
                      .field = "step_s"};
    if (checked) continue;
    checked.error().message = "record " + std::to_string(i + 1) + ": " + checked.error().message;
    return std::move(checked).error();
  }
  GALLEY_TRY(auto fit,
             fit_split(data.rows, options, before == nullptr ? nullptr : &before->kernel));
  EstimatorModel model{.physics = std::move(fit.physics),
                       .kernel = std::move(fit.kernel),
                       .encoder = std::move(fit.encoder),
                       .trees = std::move(fit.trees),
                       .errors = {},
                       .probed_errors = {},
                       .probed = {},
                       .unprobed = {},
                       .records = static_cast<double>(data.rows.size())};
  GALLEY_TRY_STATUS(measure_errors(data, options, model));
  return model;
}

}  // namespace galley::estimator
