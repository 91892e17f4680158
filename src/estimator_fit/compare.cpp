#include <algorithm>
#include <cmath>
#include <ctime>

#include "base/json.h"
#include "estimator_fit/estimator_fit.h"

namespace galley::estimator {
namespace {

double processor_s() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// One table with physics and dense inputs computed once a fold.
struct ComparedFold {
  std::vector<FeatureRow> learned, asked;
  std::vector<double> physics_learned, physics_asked;  // log seconds
  std::vector<double> actual_learned, actual_asked;
};

template <class Model>
DenseRegressor regressor(Model model) {
  return [model = std::move(model)](std::span<const float> x) { return evaluate(model, x); };
}

std::vector<ModelFamily> compared_families() {
  std::vector<ModelFamily> families;
  ModelFamily linear{"linear", {}};
  for (const double ridge : {0.1, 1.0, 10.0})
    linear.settings.emplace_back(
        "ridge " + std::to_string(ridge).substr(0, 4),
        [ridge](const DenseTable& x, std::span<const double> y) -> Result<DenseRegressor> {
          return regressor(fit_linear(x, y, ridge));
        });
  families.push_back(std::move(linear));
  ModelFamily cart{"cart", {}};
  for (const int depth : {6, 10, 16})
    cart.settings.emplace_back(
        "depth " + std::to_string(depth),
        [depth](const DenseTable& x, std::span<const double> y) -> Result<DenseRegressor> {
          return regressor(fit_trees(x, y, {.depth = depth, .least_leaf = 2}));
        });
  families.push_back(std::move(cart));
  ModelFamily forest{"forest", {}};
  for (const double ratio : {0.3, 0.6})
    forest.settings.emplace_back(
        "60 trees, " + std::to_string(ratio).substr(0, 3) + " of inputs",
        [ratio](const DenseTable& x, std::span<const double> y) -> Result<DenseRegressor> {
          return regressor(fit_trees(x, y,
                                     {.trees = 60,
                                      .depth = 16,
                                      .least_leaf = 1,
                                      .inputs_ratio = ratio,
                                      .bootstrap = true}));
        });
  families.push_back(std::move(forest));
  ModelFamily boosting{"boosting", {}};
  for (const int depth : {3, 5})
    boosting.settings.emplace_back(
        "120 rounds, depth " + std::to_string(depth),
        [depth](const DenseTable& x, std::span<const double> y) -> Result<DenseRegressor> {
          GALLEY_TRY(auto trees, fit_boosting(x, y, {.depth = depth}));
          return regressor(std::move(trees));
        });
  families.push_back(std::move(boosting));
  ModelFamily mlp{"mlp", {}};
  for (const std::size_t hidden : {16, 48})
    mlp.settings.emplace_back(
        "2 layers of " + std::to_string(hidden),
        [hidden](const DenseTable& x, std::span<const double> y) -> Result<DenseRegressor> {
          const int epochs = static_cast<int>(
              std::clamp<std::size_t>(60'000 / std::max<std::size_t>(y.size(), 1), 20, 200));
          return regressor(fit_mlp(x, y, {.hidden = hidden, .epochs = epochs}));
        });
  families.push_back(std::move(mlp));
  return families;
}

std::vector<ComparedFold> compared_folds(const FitRows& data, std::size_t folds,
                                         std::uint64_t seed) {
  const auto fold_of = grouped_folds(data, folds, seed);
  std::vector<ComparedFold> result;
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<Observation> learned;
    for (std::size_t i = 0; i < fold_of.size(); ++i)
      if (fold_of[i] != fold) learned.push_back(data.rows[i]);
    if (learned.size() == fold_of.size()) continue;
    const auto physics = fit_physics(learned);
    ComparedFold made;
    for (std::size_t i = 0; i < fold_of.size(); ++i) {
      const bool out = fold_of[i] == fold;
      const auto& row = data.rows[i];
      (out ? made.asked : made.learned).push_back(feature_row(row.job));
      (out ? made.physics_asked : made.physics_learned)
          .push_back(std::log(physics_step_s(physics, row.job)));
      (out ? made.actual_asked : made.actual_learned).push_back(std::log(row.step_s));
    }
    result.push_back(std::move(made));
  }
  return result;
}

std::vector<double> minus(const std::vector<double>& a, const std::vector<double>& b, bool really) {
  std::vector<double> difference = a;
  if (really)
    for (std::size_t i = 0; i < a.size(); ++i) difference[i] -= b[i];
  return difference;
}

/// Predicted and actual logarithms over all folds.
struct ComparedPoints {
  std::vector<double> predicted, actual;
  double fit_s = 0;

  double mape_pct() const {
    double sum = 0;
    for (std::size_t i = 0; i < actual.size(); ++i)
      sum += std::abs(std::exp(predicted[i] - actual[i]) - 1);
    return 100 * sum / static_cast<double>(std::max<std::size_t>(actual.size(), 1));
  }
};

void score(const ComparedPoints& points, std::size_t folds, ModelComparison& out) {
  std::vector<double> errors;
  double mean = 0;
  for (const double value : points.actual) mean += value;
  mean /= static_cast<double>(std::max<std::size_t>(points.actual.size(), 1));
  double around = 0;
  double left = 0;
  for (std::size_t i = 0; i < points.actual.size(); ++i) {
    const double log_error = points.predicted[i] - points.actual[i];
    errors.push_back(100 * std::abs(std::exp(log_error) - 1));
    left += log_error * log_error;
    around += (points.actual[i] - mean) * (points.actual[i] - mean);
  }
  if (errors.empty()) return;
  std::ranges::sort(errors);
  const auto at = [&](double share) {
    return errors[static_cast<std::size_t>(share * static_cast<double>(errors.size() - 1) + 0.5)];
  };
  out.mape_pct = points.mape_pct();
  out.mdape_pct = at(0.5);
  out.r2 = around > 0 ? 1 - left / around : 0;
  const auto within = std::ranges::upper_bound(errors, 15.0) - errors.begin();
  out.within_15_pct = 100 * static_cast<double>(within) / static_cast<double>(errors.size());
  constexpr int kCdfSteps = 20;
  for (int i = 0; i <= kCdfSteps; ++i)
    out.error_pct_cdf.push_back(at(static_cast<double>(i) / kCdfSteps));
  out.fit_s = points.fit_s / static_cast<double>(std::max<std::size_t>(folds, 1));
}

Status add_points(const ComparedFold& fold, const DenseFit& fit, bool one_hot, bool with_physics,
                  ComparedPoints& points) {
  const DenseEncoder encoder{one_hot, vocabulary_of(fold.learned)};
  const auto learned = encode_rows(encoder, fold.learned);
  const auto asked = encode_rows(encoder, fold.asked);
  const double begin = processor_s();
  GALLEY_TRY(const auto model,
             fit(learned, minus(fold.actual_learned, fold.physics_learned, with_physics)));
  points.fit_s += processor_s() - begin;
  for (std::size_t i = 0; i < fold.asked.size(); ++i) {
    points.predicted.push_back(model(asked.row(i)) + (with_physics ? fold.physics_asked[i] : 0));
    points.actual.push_back(fold.actual_asked[i]);
  }
  return ok();
}

Result<ModelComparison> compare_family(const std::vector<ComparedFold>& folds,
                                       const ModelFamily& family, bool one_hot, bool with_physics) {
  ModelComparison result{.model = family.name,
                         .features = one_hot ? "one_hot" : "network",
                         .with_physics = with_physics};
  const DenseFit* best = nullptr;
  double least = 1e300;
  for (const auto& [settings, fit] : family.settings) {
    ComparedPoints points;
    GALLEY_TRY_STATUS(add_points(folds.front(), fit, one_hot, with_physics, points));
    const double mape = points.mape_pct();
    result.tried.push_back(settings + ": " + std::to_string(mape).substr(0, 5) + " %");
    if (mape >= least) continue;
    least = mape;
    best = &fit;
    result.settings = settings;
  }
  ComparedPoints points;
  if (best != nullptr)
    for (const auto& fold : folds)
      GALLEY_TRY_STATUS(add_points(fold, *best, one_hot, with_physics, points));
  score(points, folds.size(), result);
  return result;
}

ModelComparison compare_physics(const std::vector<ComparedFold>& folds) {
  ModelComparison result{.model = "physics", .features = "all"};
  ComparedPoints points;
  for (const auto& fold : folds) {
    points.predicted.insert(points.predicted.end(), fold.physics_asked.begin(),
                            fold.physics_asked.end());
    points.actual.insert(points.actual.end(), fold.actual_asked.begin(), fold.actual_asked.end());
  }
  score(points, folds.size(), result);
  return result;
}

ModelComparison compare_kernel(const std::vector<ComparedFold>& folds, bool with_physics) {
  ModelComparison result{.model = "kernel", .features = "all", .with_physics = with_physics};
  ComparedPoints points;
  for (const auto& fold : folds) {
    const double begin = processor_s();
    const auto model = fit_kernel(
        fold.learned, minus(fold.actual_learned, fold.physics_learned, with_physics), {});
    points.fit_s += processor_s() - begin;
    for (std::size_t i = 0; i < fold.asked.size(); ++i) {
      points.predicted.push_back(evaluate(model, fold.asked[i]).value +
                                 (with_physics ? fold.physics_asked[i] : 0));
      points.actual.push_back(fold.actual_asked[i]);
    }
  }
  score(points, folds.size(), result);
  return result;
}

Status check_comparison(const FitRows& data, std::size_t folds) {
  if (folds >= 2 && data.rows.size() >= 2 * folds) return ok();
  return Error{Errc::invalid_argument, "models cannot be compared on " +
                                           std::to_string(data.rows.size()) + " records in " +
                                           std::to_string(folds) + " folds"};
}

/// A family with and without physics, one-hot and with features of networks.
Status compare_encodings(const std::vector<ComparedFold>& folds, const ModelFamily& family,
                         bool with_physics, std::vector<ModelComparison>& all) {
  for (const bool one_hot : {true, false}) {
    GALLEY_TRY(auto compared, compare_family(folds, family, one_hot, with_physics));
    all.push_back(std::move(compared));
  }
  return ok();
}

double report_digits(double value) { return std::round(value * 1e3) / 1e3; }

}  // namespace

Json print_comparison(const std::string& name, std::size_t records, std::size_t folds,
                      std::span<const ModelComparison> compared) {
  Json models = Json::array();
  for (const auto& one : compared) {
    Json cdf = Json::array();
    for (const double error : one.error_pct_cdf) cdf.push_back(report_digits(error));
    models.push_back({{"model", one.model},
                      {"features", one.features},
                      {"physics", one.with_physics ? "yes" : "no"},
                      {"mape_pct", report_digits(one.mape_pct)},
                      {"mdape_pct", report_digits(one.mdape_pct)},
                      {"r2", report_digits(one.r2)},
                      {"within_15_pct", report_digits(one.within_15_pct)},
                      {"error_pct_cdf", std::move(cdf)},
                      {"settings", one.settings},
                      {"tried", one.tried}});
  }
  return {{"name", name}, {"records", records}, {"folds", folds}, {"models", std::move(models)}};
}

Result<std::vector<ModelComparison>> compare_one_family(const FitRows& data,
                                                        const ModelFamily& family,
                                                        std::size_t folds, std::uint64_t seed) {
  GALLEY_TRY_STATUS(check_comparison(data, folds));
  const auto made = compared_folds(data, folds, seed);
  std::vector<ModelComparison> all;
  for (const bool with_physics : {true, false})
    GALLEY_TRY_STATUS(compare_encodings(made, family, with_physics, all));
  return all;
}

Result<std::vector<ModelComparison>> compare_models(const FitRows& data, std::size_t folds,
                                                    std::uint64_t seed) {
  GALLEY_TRY_STATUS(check_comparison(data, folds));
  const auto made = compared_folds(data, folds, seed);
  std::vector<ModelComparison> all;
  all.push_back(compare_physics(made));
  for (const bool with_physics : {true, false}) {
    all.push_back(compare_kernel(made, with_physics));
    for (const auto& family : compared_families())
      GALLEY_TRY_STATUS(compare_encodings(made, family, with_physics, all));
  }
  return all;
}

}  // namespace galley::estimator
