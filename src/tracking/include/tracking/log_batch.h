#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracking/point_batch.h"
#include "tracking/records.h"

namespace galley::tracking {

// What MLflow's clients send at most in one call, and expect to be held to.
inline constexpr std::size_t kMaxLoggedBytes = 1'000'000;
inline constexpr std::size_t kMaxLoggedMetrics = 1000;
inline constexpr std::size_t kMaxLoggedPairs = 100;  // parameters; tags likewise
inline constexpr std::size_t kMaxLoggedInAll = 1000;

/// What a run reports in one call.
struct LogBatch {
  std::string run_id;
  PointBatch points;
  std::vector<KeyValue> params;
  std::vector<KeyValue> tags;
};

/// Reads {"run_id", "metrics": [{"key", "value", "timestamp", "step"}], "params": [{"key",
/// "value"}], "tags": […]}, the body of MLflow's runs/log-batch. As protocol buffers print JSON,
/// whole numbers may be texts, and values NaN, Infinity and -Infinity are; what is null or absent
/// has its default (step 0, `now_ms`); unknown members are passed over.
/// Some 0.2 µs a point. Safe from any thread.
/// Errors: invalid_argument (no JSON, a member of another type, with its path), too_large.
Result<LogBatch> parse_log_batch(std::string_view body, std::int64_t now_ms);

/// The same of runs/log-metric: {"run_id", "key", "value", "timestamp", "step"}.
Result<LogBatch> parse_log_metric(std::string_view body, std::int64_t now_ms);

}  // namespace galley::tracking
