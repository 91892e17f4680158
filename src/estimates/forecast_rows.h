#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "protocol/ids.h"
#include "store/database.h"

namespace galley::estimates {

/// Quantiles of a job's runtime from start to end, seconds.
struct Quantiles {
  double low = 0, p10 = 0, p50 = 0, p90 = 0, high = 0;  // 5, 10, 50, 90 and 95 %
};

/// What a job was expected to take, and what it took.
struct Forecast {
  JobId job;
  std::string name;
  std::string similar_to;  // kind_of_job
  std::string gpu_type;
  std::int64_t gpus = 0;
  std::string made = "before";  // before it ran, or running
  std::string source;           // model, history, or none
  WallTime at{};
  std::optional<Quantiles> expected{};
  std::optional<double> actual_s{};
  std::optional<WallTime> ended{};
};

/// The first one stays. Errors: the store's.
Status insert_forecast(store::Transaction& transaction, const Forecast& forecast);
Status save_actual(store::Transaction& transaction, const JobId& job, double actual_s, WallTime at);
Result<std::optional<Forecast>> read_forecast(store::Transaction& transaction, const JobId& job);

/// Ended ones that had an estimate, newest first.
Result<std::vector<Forecast>> read_ended(store::Transaction& transaction, std::int64_t limit);

/// Those with an estimate, of jobs that have not ended.
Result<std::vector<Forecast>> read_open(store::Transaction& transaction);

/// So many runs tell what a job will take.
inline constexpr std::int64_t kSimilarRuns = 20;
/// What the newest `limit` jobs of that kind took, newest first.
Result<std::vector<double>> read_similar(store::Transaction& transaction,
                                         const std::string& similar_to, std::int64_t limit);

/// How right estimates were.
struct Accuracy {
  std::int64_t count = 0;
  double mdape_pct = 0;
  double coverage90_pct = 0;  // of the actual times inside the 90 % interval
};
Accuracy accuracy_of(const std::vector<Forecast>& ended);

}  // namespace galley::estimates
