#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "accuracy_metrics.h"
#include "cluster_offers.h"
#include "estimates/estimates.h"
#include "estimates/live_etas.h"
#include "estimator/rows.h"
#include "forecast_rows.h"
#include "job_words.h"
#include "model_in_use.h"
#include "protocol/records.h"

namespace galley::estimates {

/// What a job is expected to take, and why.
struct Expected {
  std::optional<Quantiles> runtime{};
  std::string source = "none";      // history, model
  std::optional<ClusterGpu> gpu{};  // that it would most likely get
  std::string similar_to{};
};

/// From runs like it; else from the estimator, where the job says enough of itself.
/// Errors: the store's.
Result<Expected> expect_job(const Parts& parts, const estimator::EstimatorModel& model,
                            const protocol::JobSpec& spec, const JobWork& work);

/// Follows jobs: estimates them as they are accepted, compares when they end, and keeps what was
/// measured as rows to learn from.
class Learner {
 public:
  Learner(const Parts& parts, ModelInUse& model, AccuracyMetrics& metrics);
  /// Takes in what happened since the last look, up to some hundred changes. Thread-safe.
  Status look();
  /// What the job is expected to take; thread-safe. Errors: the store's.
  Result<LivePrior> prior_of(const protocol::JobRecord& job) const;
  /// Says to the scheduler what was said before a restart. Errors: the store's.
  Status say_again();

 private:
  struct Seen {
    std::vector<Forecast> made;
    std::vector<Forecast> ended;  // with actual_s
    struct Row {
      JobId job;
      estimator::Observation measured;
      std::string group;
    };
    std::vector<Row> rows;
    std::vector<controller::ExpectedRuntime> expected;  // for the scheduler
  };
  Status take_job(const JobId& id, Seen& seen);
  Status take_end(const protocol::JobRecord& job, Forecast forecast, Seen& seen);
  /// The devices that the job's last attempt had.
  std::optional<estimator::GpuSpec> gpu_of(const protocol::JobRecord& job) const;
  JobWork work_of(const protocol::JobRecord& job) const;
  Status save(const Seen& seen, std::int64_t mark);

  const Parts parts_;
  ModelInUse& model_;
  AccuracyMetrics& metrics_;
  std::mutex looking_;                // one look at a time; guards mark_
  std::optional<std::int64_t> mark_;  // of the last change that was taken in
};

/// Rows to learn from, the oldest first, and how many there are. Errors: the store's.
Result<estimator::RowsFile> read_rows(store::Transaction& transaction);
Result<std::int64_t> count_rows(store::Transaction& transaction);

}  // namespace galley::estimates
