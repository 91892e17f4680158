#include "hpo/rank_tests.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace galley::bench {
namespace {

std::vector<std::size_t> sorted_order(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  return order;
}

}  // namespace

std::vector<double> ranks_of(const std::vector<double>& values) {
  const auto order = sorted_order(values);
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (std::size_t i = first; i < last; ++i)
      ranks[order[i]] = static_cast<double>(first + last + 1) / 2;
    first = last;
  }
  return ranks;
}

double wilcoxon_p(const std::vector<double>& differences) {
  std::vector<double> sizes;
  std::vector<bool> is_positive;
  for (const double difference : differences) {
    if (difference == 0) continue;
    sizes.push_back(std::abs(difference));
    is_positive.push_back(difference > 0);
  }
  const auto n = static_cast<double>(sizes.size());
  if (n < 5) return 1;
  const auto ranks = ranks_of(sizes);
  double positive = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i)
    if (is_positive[i]) positive += ranks[i];
  auto sorted = sizes;
  std::ranges::sort(sorted);
  double ties = 0;
  for (auto first = sorted.begin(); first != sorted.end();) {
    const auto last = std::upper_bound(first, sorted.end(), *first);
    const auto count = static_cast<double>(last - first);
    ties += count * count * count - count;
    first = last;
  }
  const double mean = n * (n + 1) / 4;
  const double variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
  return std::erfc(std::abs(positive - mean) / std::sqrt(variance) / std::numbers::sqrt2);
}

std::vector<double> holm(const std::vector<double>& p_values) {
  std::vector<double> corrected(p_values.size());
  double largest = 0;
  std::size_t left = p_values.size();
  for (const std::size_t i : sorted_order(p_values)) {
    largest = std::max(largest, std::min(1.0, p_values[i] * static_cast<double>(left--)));
    corrected[i] = largest;
  }
  return corrected;
}

}  // namespace galley::bench
