#include "answer_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace galley::profiling {
namespace {

constexpr std::size_t kResamples = 599;
constexpr std::size_t kBlocks = 16;  // at least so many pieces are drawn for a resample
constexpr std::uint64_t kSeed = 20210901;
constexpr double kNoStatistic = std::numeric_limits<double>::quiet_NaN();

/// Continued fraction of the incomplete beta function (Lentz's method).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < kTiny ? kTiny : d);
  double value = d;
  for (int i = 1; i <= 300; ++i) {
    const double m = i;
    for (const double step : {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                              -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))}) {
      d = 1 + step * d;
      d = 1 / (std::abs(d) < kTiny ? kTiny : d);
      c = 1 + step / c;
      c = std::abs(c) < kTiny ? kTiny : c;
      value *= d * c;
    }
    if (std::abs(d * c - 1) < 1e-14) break;
  }
  return value;
}

/// The regularised incomplete beta function.
double beta_share(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                   : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/// The x in [low, high] where a rising function reaches the target.
template <class Function>
double invert(const Function& rising, double target, double low, double high) {
  for (int i = 0; i < 200 && high - low > 1e-12 * std::max(1.0, std::abs(high)); ++i) {
    const double middle = (low + high) / 2;
    (rising(middle) < target ? low : high) = middle;
  }
  return (low + high) / 2;
}

class Resampler {
 public:
  explicit Resampler(std::size_t rows)
      : rows_(rows), block_(std::max<std::size_t>(1, rows / kBlocks)), picked_(rows) {}

  std::span<const std::size_t> draw(std::mt19937_64& random) {
    for (std::size_t at = 0; at < rows_;) {
      const std::size_t start = random() % rows_;
      for (std::size_t i = 0; i < block_ && at < rows_; ++i) picked_[at++] = (start + i) % rows_;
    }
    return picked_;
  }

 private:
  std::size_t rows_, block_;
  std::vector<std::size_t> picked_;
};

std::vector<std::size_t> all_of(std::size_t rows) {
  std::vector<std::size_t> indices(rows);
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

std::optional<Interval> percentiles(double value, std::vector<double> drawn) {
  // A statistic that most resamples cannot compute is not one to rest an answer on.
  if (!std::isfinite(value) || drawn.size() < kResamples / 2) return std::nullopt;
  std::ranges::sort(drawn);
  const auto at = [&drawn](double share) {
    return drawn[static_cast<std::size_t>(share * static_cast<double>(drawn.size() - 1) + 0.5)];
  };
  return Interval{value, std::min(value, at((1 - kConfidence) / 2)),
                  std::max(value, at((1 + kConfidence) / 2))};
}

}  // namespace

double student_quantile(double confidence, double freedom) {
  const auto inside = [freedom](double t) {
    return 1 - beta_share(freedom / 2, 0.5, freedom / (freedom + t * t));
  };
  return invert(inside, confidence, 0, 1e6);
}

std::optional<Interval> mean_interval(std::span<const double> values, double confidence) {
  if (values.size() < 2) return std::nullopt;
  const double count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  if (!std::isfinite(squares)) return std::nullopt;
  const double half =
      student_quantile(confidence, count - 1) * std::sqrt(squares / (count - 1) / count);
  return Interval{mean, mean - half, mean + half};
}

std::optional<Interval> geometric_interval(std::span<const double> ratios, double confidence) {
  std::vector<double> logarithms;
  for (const double ratio : ratios) logarithms.push_back(std::log(ratio));
  auto interval = mean_interval(logarithms, confidence);
  if (interval)
    interval =
        Interval{std::exp(interval->value), std::exp(interval->low), std::exp(interval->high)};
  return interval;
}

std::optional<Interval> resampled(std::size_t rows, const Statistic& statistic) {
  if (rows < kLeastToResample) return std::nullopt;
  std::mt19937_64 random(kSeed);
  Resampler resampler(rows);
  std::vector<double> drawn;
  for (std::size_t i = 0; i < kResamples; ++i) {
    const double value = statistic(resampler.draw(random));
    if (std::isfinite(value)) drawn.push_back(value);
  }
  return percentiles(statistic(all_of(rows)), std::move(drawn));
}

std::optional<Interval> resampled(std::size_t first_rows, std::size_t second_rows,
                                  const TwoSampleStatistic& statistic) {
  if (std::min(first_rows, second_rows) < kLeastToResample) return std::nullopt;
  std::mt19937_64 random(kSeed);
  Resampler first(first_rows), second(second_rows);
  std::vector<double> drawn;
  for (std::size_t i = 0; i < kResamples; ++i) {
    const auto first_draw = first.draw(random);
    const double value = statistic(first_draw, second.draw(random));
    if (std::isfinite(value)) drawn.push_back(value);
  }
  return percentiles(statistic(all_of(first_rows), all_of(second_rows)), std::move(drawn));
}

std::optional<Interval> share_interval(std::size_t hits, std::size_t count) {
  if (count == 0 || hits > count) return std::nullopt;
  const double k = static_cast<double>(hits), n = static_cast<double>(count);
  constexpr double kTail = (1 - kConfidence) / 2;
  Interval interval{k / n, 0, 1};
  if (hits > 0)
    interval.low = invert([&](double p) { return beta_share(k, n - k + 1, p); }, kTail, 0, 1);
  if (hits < count)
    interval.high = invert([&](double p) { return beta_share(k + 1, n - k, p); }, 1 - kTail, 0, 1);
  return interval;
}

double mcnemar(std::size_t only_first, std::size_t only_second) {
  const std::size_t count = only_first + only_second;
  const std::size_t fewer = std::min(only_first, only_second);
  if (count == 0 || 2 * fewer == count) return 1;
  // The probability of at most `fewer` heads of a fair coin, on both sides.
  const double tail =
      beta_share(static_cast<double>(count - fewer), static_cast<double>(fewer + 1), 0.5);
  return std::min(1.0, 2 * tail);
}

std::optional<std::vector<double>> least_squares(const std::vector<std::vector<double>>& columns,
                                                 std::span<const double> y,
                                                 std::span<const std::size_t> rows) {
  const std::size_t terms = columns.size() + 1;
  std::vector<std::vector<double>> normal(terms, std::vector<double>(terms + 1, 0.0));
  std::vector<double> x(terms);
  for (const std::size_t row : rows) {
    x[0] = 1;
    for (std::size_t i = 1; i < terms; ++i) x[i] = columns[i - 1][row];
    for (std::size_t i = 0; i < terms; ++i) {
      for (std::size_t j = 0; j < terms; ++j) normal[i][j] += x[i] * x[j];
      normal[i][terms] += x[i] * y[row];
    }
  }
  for (std::size_t i = 0; i < terms; ++i) {
    const double diagonal = normal[i][i];
    for (std::size_t row = 0; row < i; ++row) {
      const double factor = normal[i][row] / normal[row][row];
      for (std::size_t j = row; j <= terms; ++j) normal[i][j] -= factor * normal[row][j];
    }
    // What earlier columns leave of this one is only rounding: it says nothing of its own.
    if (!(normal[i][i] > 1e-10 * diagonal)) return std::nullopt;
  }
  std::vector<double> solution(terms);
  for (std::size_t i = terms; i-- > 0;) {
    double value = normal[i][terms];
    for (std::size_t j = i + 1; j < terms; ++j) value -= normal[i][j] * solution[j];
    solution[i] = value / normal[i][i];
  }
  return solution;
}

std::vector<double> places_of(std::span<const double> values) {
  std::vector<std::size_t> order = all_of(values.size());
  std::ranges::sort(order, {}, [values](std::size_t i) { return values[i]; });
  std::vector<double> places(values.size());
  for (std::size_t from = 0; from < order.size();) {
    std::size_t to = from;
    while (to < order.size() && values[order[to]] == values[order[from]]) ++to;
    const double place = static_cast<double>(from + to + 1) / 2;
    for (; from < to; ++from) places[order[from]] = place;
  }
  return places;
}

double explained_share(std::span<const double> x, std::span<const double> y,
                       std::span<const std::size_t> rows) {
  const double count = static_cast<double>(rows.size());
  double mean_x = 0, mean_y = 0;
  for (const std::size_t row : rows) {
    mean_x += x[row] / count;
    mean_y += y[row] / count;
  }
  double xx = 0, xy = 0, yy = 0, size_x = 0, size_y = 0;
  for (const std::size_t row : rows) {
    xx += (x[row] - mean_x) * (x[row] - mean_x);
    xy += (x[row] - mean_x) * (y[row] - mean_y);
    yy += (y[row] - mean_y) * (y[row] - mean_y);
    size_x += x[row] * x[row];
    size_y += y[row] * y[row];
  }
  // Rounding makes even a constant column differ from its own mean.
  constexpr double kRounding = 1e-20;
  if (!(xx > kRounding * size_x) || !(yy > kRounding * size_y)) return kNoStatistic;
  return xy * xy / (xx * yy);
}

}  // namespace galley::profiling
