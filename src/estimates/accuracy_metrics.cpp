#include "accuracy_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace galley::estimates {

void AccuracyMetrics::add(const Forecast& ended) {
  if (!ended.expected || !ended.actual_s || !(*ended.actual_s > 0)) return;
  const double ratio = std::abs(*ended.actual_s - ended.expected->p50) / *ended.actual_s;
  const auto bound = std::ranges::lower_bound(kBounds, ratio);
  const std::lock_guard lock(mutex_);
  ++counts_[static_cast<std::size_t>(bound - kBounds.begin())];
  ++total_;
  sum_ += ratio;
  if (*ended.actual_s >= ended.expected->low && *ended.actual_s <= ended.expected->high) ++covered_;
}

std::string AccuracyMetrics::text() const {
  constexpr std::string_view kName = "galley_estimate_error_ratio";
  const std::lock_guard lock(mutex_);
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to,
                 "# HELP {0} How far the estimate of a job's runtime was from what it took, as a "
                 "share of that.\n# TYPE {0} histogram\n",
                 kName);
  std::int64_t below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    fmt::format_to(to, "{}_bucket{{le=\"{}\"}} {}\n", kName,
                   i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf", below);
  }
  fmt::format_to(to, "{0}_sum {1}\n{0}_count {2}\n", kName, sum_, total_);
  if (total_ == 0) return out;
  fmt::format_to(to,
                 "# HELP {0} Share of jobs whose runtime lay inside the 90 % interval of its "
                 "estimate.\n# TYPE {0} gauge\n{0} {1}\n",
                 "galley_estimate_coverage_ratio",
                 static_cast<double>(covered_) / static_cast<double>(total_));
  return out;
}

}  // namespace galley::estimates
