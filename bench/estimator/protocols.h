#pragma once

#include <functional>
#include <string>
#include <vector>

#include "estimator/datasets.h"
#include "estimator/model.h"
#include "estimator_fit/estimator_fit.h"

namespace galley::bench {

/// One estimate beside what was measured.
struct Scored {
  const Record* record = nullptr;
  double log_error = 0;    // log(estimate / measured)
  bool covered = false;    // by the 90 % interval
  double width_ratio = 0;  // of that interval to the measured time
};

struct ErrorSummary {
  double mdape_pct = 0;
  double mape_pct = 0;
  double p90_pct = 0;
  double coverage_pct = 0;
  double width_ratio_median = 0;
  double count = 0;
};
ErrorSummary summarise(const std::vector<Scored>& scored);

/// What the estimator is fitted on.
estimator::FitRows fit_rows(const std::vector<const Record*>& records);

/// Estimates of these records by a model; records that are not counted are skipped.
Status score(const estimator::EstimatorModel& model, const std::vector<const Record*>& records,
             std::vector<Scored>& out);

/// What stays on one side of a random split.
enum class Apart { configurations, records };

/// Random folds of whole configurations, or of single records whatever they measure.
Result<std::vector<Scored>> cross_validate(const std::vector<Record>& records, std::uint64_t seed,
                                           Apart apart = Apart::configurations);

/// Fits on records for which `learn` holds and scores the others.
Result<std::vector<Scored>> fit_and_score(const std::vector<Record>& records,
                                          const std::function<bool(const Record&)>& learn);

struct UnseenGpu {
  std::vector<Scored> without_probe;
  std::vector<Scored> one_probe;         // a single measurement on the new device, of any job
  std::vector<Scored> probe_of_network;  // one measurement of the same network on the new device
  std::vector<Scored> probe_of_job;      // one of the same network in the same precision there
  std::vector<Scored> probe_of_each;     // one of every network there, all taken in together
};
/// Every kind of device left out in turn, or, with `test`, all of its rows at once by device.
Result<UnseenGpu> leave_gpus_out(const std::vector<Record>& records);
Result<UnseenGpu> unseen_gpus(const std::vector<Record>& fit, const std::vector<Record>& test);

/// Estimates of `test` after `probes` of its rows of each network were measured; those rows are not
/// scored.
Result<std::vector<Scored>> with_probes(const std::vector<Record>& fit,
                                        const std::vector<Record>& test, std::size_t probes);

/// Every network left out in turn, and estimated with none, one and three probes of it.
struct UnseenNetwork {
  std::vector<Scored> without_probe;
  std::vector<Scored> one_probe, three_probes;  // those that a user would measure first
  std::vector<Scored> any_probe;                // one of any job, also an odd one
};
Result<UnseenNetwork> leave_networks_out(const std::vector<Record>& records);

/// How far a second measurement of the same configuration lies from the first, percent: placements
/// whose nodes are the same in another order. No estimate can be nearer than that to a single
/// measurement. The mean over the table, each scaled to one measurement beside the mean of many.
double repeated_mape_pct(const std::vector<Record>& pollux);

/// One record for each configuration: the median of its measurements.
std::vector<Record> median_of_repeats(const std::vector<Record>& records);

/// The same estimates beside the median of all measurements of their configuration, where it was
/// measured at least three times: what is left of their error when that of measuring is not.
std::vector<Scored> against_medians(const std::vector<Record>& records,
                                    const std::vector<Scored>& scored);

/// For each network and precision and some deadlines: the cost of the configuration chosen by the
/// estimates over that of the truly cheapest one, minus 1, percent. Records without a price are
/// left out.
struct Regret {
  double median_pct = 0;
  double p90_pct = 0;
  double missed_deadlines_pct = 0;
};
Regret cost_regret(const std::vector<Scored>& scored);

}  // namespace galley::bench
