#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>

#include "forecast_rows.h"

namespace galley::estimates {

/// How far estimates of jobs were off, for Prometheus: galley_estimate_error_ratio (histogram) and
/// galley_estimate_coverage_ratio of the 90 % intervals. Thread-safe.
class AccuracyMetrics {
 public:
  void add(const Forecast& ended);
  std::string text() const;

 private:
  static constexpr std::array<double, 8> kBounds{0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2};
  mutable std::mutex mutex_;  // guards the rest
  std::array<std::int64_t, kBounds.size() + 1> counts_{};
  std::int64_t total_ = 0;
  std::int64_t covered_ = 0;
  double sum_ = 0;
};

}  // namespace galley::estimates
