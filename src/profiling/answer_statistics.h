#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "profiling/answers.h"

/// Intervals of 95 % confidence, and the few tests that answers rest on. Pure.
namespace galley::profiling {

inline constexpr double kConfidence = 0.95;
/// Fewer rows than this and a resampled interval would promise more than it holds.
inline constexpr std::size_t kLeastToResample = 8;

/// The point that |t| stays below with this probability, for so many degrees of freedom.
double student_quantile(double confidence, double freedom);

/// The mean, by Student's t. None below two values.
std::optional<Interval> mean_interval(std::span<const double> values,
                                      double confidence = kConfidence);
/// exp of mean_interval of the logarithms: for ratios, which spread evenly as factors.
std::optional<Interval> geometric_interval(std::span<const double> ratios,
                                           double confidence = kConfidence);

/// `statistic` of the rows that it is given the indices of, resampled 599 times. Rows that
/// followed one another stay together, up to a sixteenth of them, so that a machine that slowed
/// down for a while widens the interval instead of vanishing in it. Resamples where the statistic
/// is not finite are left out; none below kLeastToResample rows or where it is not finite itself.
using Statistic = std::function<double(std::span<const std::size_t>)>;
std::optional<Interval> resampled(std::size_t rows, const Statistic& statistic);
/// As `resampled` for a statistic of two independent samples.
using TwoSampleStatistic =
    std::function<double(std::span<const std::size_t>, std::span<const std::size_t>)>;
std::optional<Interval> resampled(std::size_t first_rows, std::size_t second_rows,
                                  const TwoSampleStatistic& statistic);

/// A share of `count` that were `hits` (Clopper and Pearson). None without any.
std::optional<Interval> share_interval(std::size_t hits, std::size_t count);

/// Probability of discordant pairs at least as uneven as these by chance (McNemar's test, exact).
double mcnemar(std::size_t only_first, std::size_t only_second);

/// Least squares of y on the columns and a constant; the constant stands first in the result. None
/// where the columns cannot be told apart.
std::optional<std::vector<double>> least_squares(const std::vector<std::vector<double>>& columns,
                                                 std::span<const double> y,
                                                 std::span<const std::size_t> rows);
/// The place of each value among all, from 1; equal values share the mean of their places.
/// Statistics of places are not bent by the few requests that another process held up.
std::vector<double> places_of(std::span<const double> values);
/// The square of the correlation of two columns over these rows; NaN where either does not vary.
double explained_share(std::span<const double> x, std::span<const double> y,
                       std::span<const std::size_t> rows);

}  // namespace galley::profiling
