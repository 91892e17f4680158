#include "estimator/model.h"

#ifndef EIGEN_NO_DEBUG
#define EIGEN_NO_DEBUG
#endif
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

namespace galley::estimator {
namespace {

constexpr double kSpreadOutside = 0.05;  // of a logarithm, for each e-fold outside all records

constexpr double kSpreadProbed = 0.8;  // of the errors without a probe
constexpr double kLeastStep = 1e-7;    // seconds; no estimate lies beyond these
constexpr double kMostStep = 1e9;

bool in_vocabulary(const KernelModel& kernel, FeatureCategory category, const FeatureRow& row) {
  return std::ranges::find(kernel.vocabulary[category], row.categories[category]) !=
         kernel.vocabulary[category].end();
}

Familiarity familiarity_of(const EstimatorModel& model, const FeatureRow& row, double similarity) {
  const bool network = in_vocabulary(model.kernel, network_name, row);
  const bool gpu = in_vocabulary(model.kernel, gpu_name, row);
  if (network && gpu)
    return similarity >= model.near_similarity ? Familiarity::seen : Familiarity::near;
  if (network) return Familiarity::new_gpu;
  return gpu ? Familiarity::new_network : Familiarity::new_both;
}

std::string nearest_words(const KernelModel& kernel, std::size_t point) {
  const auto word = [&](FeatureCategory category) -> std::string {
    const auto index = kernel.points[FeatureRow::kNumbers + category][point];
    const auto& words = kernel.vocabulary[category];
    return index >= 0 && static_cast<std::size_t>(index) < words.size()
               ? words[static_cast<std::size_t>(index)]
               : "?";
  };
  const auto gpus = static_cast<int>(std::lround(
      std::exp(std::clamp(static_cast<double>(kernel.points[log_gpus][point]), 0.0, 14.0))));
  return word(network_name) + " on " + std::to_string(gpus) + " " + word(gpu_name) + ", " +
         word(run_mode);
}

/// What the trees add to the physics, as a logarithm.
double trees_part(const EstimatorModel& model, const FeatureRow& row) {
  if (model.trees.roots.empty()) return 0;
  thread_local std::vector<float> dense;
  model.encoder.encode(row, dense);
  return evaluate(model.trees, dense);
}

std::size_t probes_of(const EstimatorModel& model, const std::string& what) {
  const auto found = model.probed.find(what);
  return found == model.probed.end() ? 0 : found->second;
}

/// What probes told of a job of which nothing else is known; nothing for jobs that others tell of.
const ProbedErrors* probed_errors_of(const EstimatorModel& model, const FeatureRow& row) {
  if (model.probed.empty()) return nullptr;
  const auto& network = row.categories[network_name];
  const auto& gpu = row.categories[gpu_name];
  const bool here = probes_of(model, network + kProbedOn + gpu) > 0;
  const auto of = [&](ProbedKind kind, std::size_t probes) {
    return &model.probed_errors[static_cast<std::size_t>(kind)][probes > 1 ? 1 : 0];
  };
  if (const auto probes = probes_of(model, network); probes > 0)
    return of(here ? ProbedKind::network_here : ProbedKind::network_elsewhere, probes);
  if (const auto probes = probes_of(model, gpu); probes > 0)
    return of(here ? ProbedKind::gpu_same_network : ProbedKind::gpu_other_network, probes);
  return nullptr;
}

/// A few probes of something new leave more open than records of it do, and less than none.
std::array<double, 5> quantiles_for(const EstimatorModel& model, const FeatureRow& row,
                                    Familiarity familiarity) {
  const auto of = [&](Familiarity kind) {
    return model.errors[static_cast<std::size_t>(kind)].log_error;
  };
  const ProbedErrors* probed = probed_errors_of(model, row);
  if (probed == nullptr) return of(familiarity);
  const bool network = model.probed.contains(row.categories[network_name]);
  if (familiarity > Familiarity::near) {
    // The other half of the job is still unknown: the wider of both.
    auto quantiles = of(familiarity);
    if (probed->errors.count > 0)
      for (std::size_t i = 0; i < quantiles.size(); ++i) {
        const double other = probed->errors.log_error[i];
        if (std::abs(other) > std::abs(quantiles[i])) quantiles[i] = other;
      }
    return quantiles;
  }
  if (probed->errors.count > 0) return probed->errors.log_error;
  auto quantiles = of(network ? Familiarity::new_network : Familiarity::new_gpu);
  for (double& quantile : quantiles) quantile *= kSpreadProbed;
  return quantiles;
}

struct Learned {
  double log_step = 0;
  PhysicsStep physics;
  KernelAnswer kernel;
};

/// What kernel and trees add to the physics, as a logarithm.
double learned_part(const EstimatorModel& model, const FeatureRow& row,
                    const KernelAnswer& kernel) {
  double part = model.kernel_weight * kernel.value;
  if (model.kernel_weight < 1) part += (1 - model.kernel_weight) * trees_part(model, row);
  return part;
}

/// Steps as the physics alone should explain them: what is known of their devices is not the
/// network's doing.
std::vector<Observation> without_learned(const EstimatorModel& model,
                                         std::span<const Observation> probes) {
  std::vector<Observation> bare(probes.begin(), probes.end());
  for (auto& probe : bare) {
    const auto row = feature_row(probe.job);
    const double part = learned_part(model, row, evaluate(model.kernel, row));
    if (std::isfinite(part)) probe.step_s *= std::exp(std::clamp(-part, -3.0, 3.0));
  }
  return bare;
}

Learned learned_step(const EstimatorModel& model, const JobFeatures& job, const FeatureRow& row) {
  Learned learned;
  learned.physics = physics_step(model.physics, job);
  learned.kernel = evaluate(model.kernel, row);
  const double left = learned_part(model, row, learned.kernel);
  const double bound = std::max(learned.physics.bound_s, kLeastStep);
  const double log_physics = std::log(learned.physics.step_s);
  // A file may hold numbers that are each in order and yet overflow together.
  learned.log_step = std::isfinite(left) ? log_physics + left : log_physics;
  const ProbedErrors* probed = model.unprobed ? probed_errors_of(model, row) : nullptr;
  if (probed != nullptr && probed->weight < 1) {
    const double unprobed = learned_step(*model.unprobed, job, row).log_step;
    learned.log_step = unprobed + probed->weight * (learned.log_step - unprobed);
  }
  learned.log_step =
      std::clamp(learned.log_step, std::log(bound), std::log(std::max(kMostStep, bound)));
  return learned;
}

}  // namespace

std::string_view to_string(Familiarity familiarity) {
  constexpr std::array<std::string_view, kFamiliarities> kNames{"seen", "near", "new_gpu",
                                                                "new_network", "new_both"};
  return kNames[static_cast<std::size_t>(familiarity)];
}

std::string_view to_string(ProbedKind kind) {
  constexpr std::array<std::string_view, kProbedKinds> kNames{
      "network_here", "network_elsewhere", "gpu_same_network", "gpu_other_network"};
  return kNames[static_cast<std::size_t>(kind)];
}

double predict_log_step(const EstimatorModel& model, const JobFeatures& job) {
  return learned_step(model, job, feature_row(job)).log_step;
}

Result<Estimate> predict(const EstimatorModel& model, const JobFeatures& job) {
  GALLEY_TRY_STATUS(check(job));
  const auto row = feature_row(job);
  const auto learned = learned_step(model, job, row);
  Estimate estimate;
  estimate.similarity = learned.kernel.similarity;
  estimate.familiarity = familiarity_of(model, row, estimate.similarity);
  if (!model.kernel.alpha.empty())
    estimate.nearest = nearest_words(model.kernel, learned.kernel.nearest);
  estimate.parts = learned.physics.parts;
  estimate.roofline_s = learned.physics.bound_s;
  const auto quantiles = quantiles_for(model, row, estimate.familiarity);
  // Errors were measured among records; further out, the spread grows with the distance.
  const double outside = kSpreadOutside * distance_outside(model.kernel, row);
  const auto at = [&](std::size_t level) {
    const double wider = level < 2 ? -outside : outside;
    return std::max(std::exp(learned.log_step + quantiles[level] + wider), estimate.roofline_s);
  };
  estimate.step_s = std::exp(learned.log_step);
  estimate.step_s_low = std::min(at(0), estimate.step_s);
  estimate.step_s_p10 = std::min(at(1), estimate.step_s);
  estimate.step_s_p90 = std::max(at(3), estimate.step_s);
  estimate.step_s_high = std::max(at(4), estimate.step_s);
  return estimate;
}

Result<EstimatorModel> calibrate(EstimatorModel model, std::span<const Observation> probes) {
  for (const auto& probe : probes) {
    GALLEY_TRY_STATUS(check(probe.job));
    if (!(probe.step_s > 0) || !std::isfinite(probe.step_s))
      return Error{.code = Errc::invalid_argument,
                   .message = "a probe of " + probe.job.network.name + " took " +
                              std::to_string(probe.step_s) + " s a step",
                   .field = "step_s",
                   .expected = "a time above 0"};
  }
  if (probes.empty()) return model;
  if (!model.unprobed) model.unprobed = std::make_shared<const EstimatorModel>(model);
  calibrate_physics(model.physics, without_learned(model, probes));
  auto& kernel = model.kernel;
  const auto before = static_cast<Eigen::Index>(kernel.alpha.size());
  const auto n = before + static_cast<Eigen::Index>(probes.size());
  // A model of the kernel's own kind knows its targets: y = (K + noise²) alpha.
  std::vector<double> residuals;
  for (const auto& probe : probes) {
    const auto row = feature_row(probe.job);
    const double left = std::log(probe.step_s / physics_step_s(model.physics, probe.job));
    residuals.push_back(
        (left - (1 - model.kernel_weight) * trees_part(model, row)) / model.kernel_weight -
        kernel.mean - evaluate(kernel.series, kernel_inputs(kernel.vocabulary, row)));
    bool any_new = false;
    for (std::size_t c = 0; c < FeatureRow::kCategories; ++c) {
      const auto& word = row.categories[c];
      const bool is_known = in_vocabulary(kernel, static_cast<FeatureCategory>(c), row);
      if (!is_known) kernel.vocabulary[c].push_back(word);
      if (c != network_name && c != gpu_name) continue;
      if (is_known && !model.probed.contains(word)) continue;
      ++model.probed[word];
      any_new = true;
    }
    if (any_new) ++model.probed[probed_key(probe.job)];
    const auto inputs = kernel_inputs(kernel.vocabulary, row);
    for (std::size_t k = 0; k < KernelModel::kInputs; ++k) kernel.points[k].push_back(inputs[k]);
  }
  set_range(kernel);
  Eigen::MatrixXd covariance(n, n);
  std::vector<float> line;
  for (Eigen::Index i = 0; i < n; ++i) {
    std::array<float, KernelModel::kInputs> inputs{};
    for (std::size_t k = 0; k < inputs.size(); ++k)
      inputs[k] = kernel.points[k][static_cast<std::size_t>(i)];
    kernel_row(kernel.components, kernel.points, inputs, line);
    covariance.col(i) = Eigen::Map<const Eigen::VectorXf>(line.data(), n).cast<double>();
  }
  covariance.diagonal().array() += kernel.noise * kernel.noise + 1e-6;
  Eigen::VectorXd targets(n);
  const Eigen::Map<const Eigen::VectorXf> alpha(kernel.alpha.data(), before);
  targets.head(before) = covariance.topLeftCorner(before, before) * alpha.cast<double>();
  for (Eigen::Index i = before; i < n; ++i)
    targets[i] = residuals[static_cast<std::size_t>(i - before)];
  const Eigen::VectorXd solved = covariance.llt().solve(targets);
  kernel.alpha.resize(static_cast<std::size_t>(n));
  for (Eigen::Index i = 0; i < n; ++i)
    kernel.alpha[static_cast<std::size_t>(i)] = static_cast<float>(solved[i]);
  return model;
}

std::string_view bound_of(const StepTerms& parts) {
  const auto& s = parts.seconds;
  const std::array<std::pair<double, std::string_view>, 5> shares{
      {{s[compute], "compute"},
       {s[activations] + s[weights], "memory"},
       {s[launch], "launches"},
       {s[input], "input"},
       {s[sync_node] + s[sync_network] + s[sync_rounds], "synchronisation"}}};
  return std::ranges::max_element(shares, {}, [](const auto& share) { return share.first; })
      ->second;
}

}  // namespace galley::estimator
