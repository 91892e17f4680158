#include "estimator/stationarity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace galley::estimator {
namespace {

/// MacKinnon's response surface for one series: p = Phi(polynomial(tau)), with one polynomial for
/// the left tail and one for the rest. J. Business & Economic Statistics 12.2 (1994), 167-176.
struct AdfSurface {
  double smallest, largest, border;
  std::array<double, 3> left;
  std::array<double, 4> right;
};

constexpr AdfSurface kAdfSurfaceNone{-19.04,
                                     std::numeric_limits<double>::infinity(),
                                     -1.04,
                                     {0.6344, 1.2378, 0.032496},
                                     {0.4797, 0.93557, -0.06999, 0.033066}};
constexpr AdfSurface kAdfSurfaceConstant{
    -18.83, 2.74, -1.61, {2.1659, 1.4412, 0.038269}, {1.7339, 0.93202, -0.12745, -0.010368}};
constexpr AdfSurface kAdfSurfaceLine{
    -16.18, 0.7, -2.89, {3.2512, 1.6047, 0.049588}, {2.5261, 0.61654, -0.37956, -0.060285}};

double adf_p_value(double tau, AdfTrend trend) {
  const AdfSurface& surface = trend == AdfTrend::none       ? kAdfSurfaceNone
                              : trend == AdfTrend::constant ? kAdfSurfaceConstant
                                                            : kAdfSurfaceLine;
  if (tau > surface.largest) return 1;
  if (tau < surface.smallest) return 0;
  double z = 0;
  if (tau <= surface.border)
    for (std::size_t i = surface.left.size(); i-- > 0;) z = z * tau + surface.left[i];
  else
    for (std::size_t i = surface.right.size(); i-- > 0;) z = z * tau + surface.right[i];
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

/// Least squares by Householder reflections, column by column. Normal equations would lose half of
/// the digits where step times vary little around their mean.
class AdfLeastSquares {
 public:
  explicit AdfLeastSquares(std::vector<double> target) : target_(std::move(target)) {}

  /// Adds a regressor behind the others.
  void add(std::vector<double> column) {
    const std::size_t n = target_.size();
    for (std::size_t k = 0; k < reflectors_.size(); ++k) reflect(k, column);
    const std::size_t k = reflectors_.size();
    double norm = 0;
    for (std::size_t i = k; i < n; ++i) norm += column[i] * column[i];
    norm = std::sqrt(norm);
    diagonal_ = column[k] > 0 ? -norm : norm;
    column[k] -= diagonal_;
    double squares = 0;
    for (std::size_t i = k; i < n; ++i) squares += column[i] * column[i];
    squares_.push_back(squares);
    reflectors_.push_back(std::move(column));
    reflect(k, target_);
  }

  /// Sum of squared residuals of the regression on all columns added so far.
  double residual_squares() const {
    double sum = 0;
    for (std::size_t i = reflectors_.size(); i < target_.size(); ++i)
      sum += target_[i] * target_[i];
    return sum;
  }

  /// Student's t of the last column's coefficient.
  double last_t() const {
    const std::size_t columns = reflectors_.size();
    const double variance = residual_squares() / static_cast<double>(target_.size() - columns);
    const double projection = target_[columns - 1];
    return (diagonal_ < 0 ? -projection : projection) / std::sqrt(variance);
  }

 private:
  void reflect(std::size_t k, std::vector<double>& vector) const {
    if (squares_[k] <= 0) return;
    const std::vector<double>& mirror = reflectors_[k];
    double product = 0;
    for (std::size_t i = k; i < mirror.size(); ++i) product += mirror[i] * vector[i];
    const double scale = 2 * product / squares_[k];
    for (std::size_t i = k; i < mirror.size(); ++i) vector[i] -= scale * mirror[i];
  }

  std::vector<double> target_;
  std::vector<std::vector<double>> reflectors_;
  std::vector<double> squares_;
  double diagonal_ = 0;
};

/// The differences of the last `rows` steps and the regressors that explain them.
struct AdfColumns {
  std::span<const double> series;
  std::size_t rows;

  std::vector<double> differences(std::size_t lag) const {
    std::vector<double> column(rows);
    const std::size_t first = series.size() - rows - lag;
    for (std::size_t i = 0; i < rows; ++i) column[i] = series[first + i] - series[first + i - 1];
    return column;
  }
  std::vector<double> level() const {
    const auto from = series.end() - static_cast<std::ptrdiff_t>(rows) - 1;
    return {from, series.end() - 1};
  }
  void add_trend(AdfLeastSquares& fit, AdfTrend trend) const {
    if (trend == AdfTrend::none) return;
    fit.add(std::vector<double>(rows, 1.0));
    if (trend == AdfTrend::constant) return;
    std::vector<double> line(rows);
    for (std::size_t i = 0; i < rows; ++i) line[i] = static_cast<double>(i + 1);
    fit.add(std::move(line));
  }
};

/// All candidates are compared on the sample that the longest one leaves.
std::size_t choose_adf_lag(std::span<const double> series, AdfTrend trend, AdfLagChoice choice,
                           std::size_t max_lag) {
  const AdfColumns columns{series, series.size() - 1 - max_lag};
  const auto rows = static_cast<double>(columns.rows);
  AdfLeastSquares fit(columns.differences(0));
  columns.add_trend(fit, trend);
  fit.add(columns.level());
  const double penalty = choice == AdfLagChoice::aic ? 2.0 : std::log(rows);
  std::size_t best = 0;
  double best_criterion = 0;
  for (std::size_t lag = 0; lag <= max_lag; ++lag) {
    if (lag > 0) fit.add(columns.differences(lag));
    const double criterion =
        rows * std::log(fit.residual_squares() / rows) + penalty * static_cast<double>(lag);
    if (lag == 0 || criterion < best_criterion) {
      best = lag;
      best_criterion = criterion;
    }
  }
  return best;
}

}  // namespace

Result<AdfResult> augmented_dickey_fuller(std::span<const double> series,
                                          const AdfOptions& options) {
  const auto n = static_cast<std::int64_t>(series.size());
  const std::int64_t trend_columns = options.trend == AdfTrend::none       ? 0
                                     : options.trend == AdfTrend::constant ? 1
                                                                           : 2;
  const std::int64_t most = n / 2 - trend_columns - 1;
  if (most < 0)
    return Error{Errc::invalid_argument,
                 fmt::format("a series of {} values is too short for the stationarity test", n)};
  const auto rule =
      static_cast<std::int64_t>(std::ceil(12.0 * std::pow(static_cast<double>(n) / 100.0, 0.25)));
  const std::int64_t max_lag = options.max_lag.value_or(std::min(most, rule));
  if (max_lag < 0 || max_lag > most)
    return Error{Errc::invalid_argument,
                 fmt::format("{} lags asked of a series of {} values", max_lag, n), "max_lag",
                 fmt::format("0 to {}", most)};
  if (!std::ranges::all_of(series, [](double value) { return std::isfinite(value); }))
    return Error{Errc::invalid_argument, "the series holds a value that is not finite"};
  if (std::ranges::all_of(series, [&](double value) { return value == series.front(); }))
    return Error{Errc::invalid_argument, "all values of the series are equal"};

  const auto lags = options.choice == AdfLagChoice::fixed
                        ? static_cast<std::size_t>(max_lag)
                        : choose_adf_lag(series, options.trend, options.choice,
                                         static_cast<std::size_t>(max_lag));
  const AdfColumns columns{series, series.size() - 1 - lags};
  AdfLeastSquares fit(columns.differences(0));
  columns.add_trend(fit, options.trend);
  for (std::size_t lag = 1; lag <= lags; ++lag) fit.add(columns.differences(lag));
  fit.add(columns.level());
  const double statistic = fit.last_t();
  if (!std::isfinite(statistic))
    return Error{Errc::invalid_argument, "the series follows its own past without any error"};
  return AdfResult{.statistic = statistic,
                   .p_value = adf_p_value(statistic, options.trend),
                   .lags = static_cast<std::int64_t>(lags),
                   .observations = static_cast<std::int64_t>(columns.rows)};
}

Stability judge_stability(std::span<const double> series) {
  Stability stability{.points = series.size()};
  if (series.empty()) return stability;
  double sum = 0;
  for (const double value : series) sum += value;
  const double mean = sum / static_cast<double>(series.size());
  double squares = 0;
  for (const double value : series) squares += (value - mean) * (value - mean);
  if (series.size() > 1 && mean != 0)
    stability.coefficient_of_variation =
        std::sqrt(squares / static_cast<double>(series.size() - 1)) / std::abs(mean);
  if (series.size() < kFewestForStationarity) return stability;
  if (squares == 0) {
    stability.stationarity = Stationarity::stationary;
    return stability;
  }
  const auto test = augmented_dickey_fuller(series, {});
  if (!test) return stability;
  constexpr double kUsualLevel = 0.05;
  stability.test = *test;
  stability.stationarity =
      test->p_value < kUsualLevel ? Stationarity::stationary : Stationarity::not_stationary;
  return stability;
}

}  // namespace galley::estimator
