#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"

namespace galley::estimator {

/// The deterministic part of the regression: none, a constant, a constant and a line.
enum class AdfTrend : std::uint8_t { none, constant, constant_and_line };

/// How the number of lagged differences is chosen: the smallest information criterion up to
/// `max_lag`, or `max_lag` itself.
enum class AdfLagChoice : std::uint8_t { aic, bic, fixed };

struct AdfOptions {
  AdfTrend trend = AdfTrend::constant;
  AdfLagChoice choice = AdfLagChoice::aic;
  std::optional<std::int64_t> max_lag{};  // absent: ceil(12 (n/100)^(1/4)), Schwert's rule
};

struct AdfResult {
  double statistic = 0;  // Student's t of the lagged level
  double p_value = 1;    // of a unit root; below 0.05 the series is called stationary
  std::int64_t lags = 0;
  std::int64_t observations = 0;  // that the final regression used
};

/// Augmented Dickey-Fuller test. Equal to statsmodels' adfuller in the choice of lags, the sample
/// of each regression and MacKinnon's approximate p-values (1994, tables of 2010), so that its
/// users find the numbers they know: the statistic to 1e-6 relative, the p-value to 1e-4.
///
/// O(n max_lag^2) time and O(n max_lag) memory. Pure; safe from any thread.
/// Errors: invalid_argument  too few values for the trend and the lags, a value that is not
///                           finite, or a series that never changes
Result<AdfResult> augmented_dickey_fuller(std::span<const double> series,
                                          const AdfOptions& options);

enum class Stationarity : std::uint8_t { too_short_to_tell, stationary, not_stationary };

/// Under this many points the test has so little power that its answer would mislead.
inline constexpr std::size_t kFewestForStationarity = 100;

/// What can be said of a series of step times.
struct Stability {
  Stationarity stationarity = Stationarity::too_short_to_tell;
  std::optional<AdfResult> test{};      // absent where too short, or where all values are equal
  double coefficient_of_variation = 0;  // standard deviation over mean
  std::size_t points = 0;
};

/// A series of equal values counts as stationary.
Stability judge_stability(std::span<const double> series);

}  // namespace galley::estimator
