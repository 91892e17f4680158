#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "estimator/model.h"
#include "estimator_fit/fits.h"

namespace galley::estimator {

struct FitOptions {
  KernelOptions kernel{};
  BoostingOptions boosting{};
  std::size_t folds = 5;  // of the cross-fit that weighs kernel and trees and measures intervals
  std::uint64_t seed = 1;
  bool novelty = true;  // also measure errors of what is new or probed: a fit of each left out
};

/// Records that measure one configuration share a group and never lie on both sides of a split;
/// empty groups: every record is its own.
struct FitRows {
  std::vector<Observation> rows;
  std::vector<std::string> groups{};
};

/// The model that is exported: physics, kernel and boosting, the weight between the latter two by
/// cross-fitting, and error quantiles of each familiarity, measured with the device or the network
/// left out (split conformal, cross-fitted: Barber et al. 2021, with signed errors). With `before`,
/// a model of fewer records, what it learned of features is kept and only solved anew: some
/// milliseconds per thousand records. One thread. Errors: invalid_argument for rows out of range or
/// fewer than 8; those of XGBoost.
Result<EstimatorModel> fit_estimator(const FitRows& data, const FitOptions& options = {},
                                     const EstimatorModel* before = nullptr);

/// What cross-validation says of one family with one encoding.
struct ModelComparison {
  std::string model;         // "linear", "cart", "forest", "boosting", "mlp", "kernel", "physics"
  std::string features;      // "one_hot", "network" or "all" (kernel and physics know both)
  bool with_physics = true;  // false: learned from features alone
  double mape_pct = 0;
  double mdape_pct = 0;
  double r2 = 0;                      // of log(step)
  double within_15_pct = 0;           // share of records
  std::vector<double> error_pct_cdf;  // relative error at 0, 5, … 100 % of records
  double fit_s = 0;                   // processor time of one fit, mean over the folds
  std::string settings;               // those that won
  std::vector<std::string> tried;     // all settings, with their MAPE
};

/// Every family × encoding by grouped cross-validation: what `galley estimate report` shows.
/// Settings are chosen inside each family by the MAPE of the first fold. Seconds to a minute.
Result<std::vector<ModelComparison>> compare_models(const FitRows& data, std::size_t folds,
                                                    std::uint64_t seed);

/// Models of dense rows that are fitted elsewhere, such as by libtorch, to be compared alike.
using DenseRegressor = std::function<double(std::span<const float>)>;
using DenseFit =
    std::function<Result<DenseRegressor>(const DenseTable& x, std::span<const double> y)>;
struct ModelFamily {
  std::string name;
  std::vector<std::pair<std::string, DenseFit>> settings;  // in words, how to fit with them
};

/// One family on the same folds as compare_models: four rows, with and without physics.
Result<std::vector<ModelComparison>> compare_one_family(const FitRows& data,
                                                        const ModelFamily& family,
                                                        std::size_t folds, std::uint64_t seed);

/// {"name", "records", "folds", "models": [...]}: one table of `galley estimate report`.
nlohmann::json print_comparison(const std::string& name, std::size_t records, std::size_t folds,
                                std::span<const ModelComparison> compared);

/// A fold for every row, whole groups together, in a random order.
std::vector<std::size_t> grouped_folds(const FitRows& data, std::size_t folds, std::uint64_t seed);

}  // namespace galley::estimator
