#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "estimator/memory.h"
#include "estimator/model.h"

namespace galley::estimator {

/// A training whose length is known or guessed.
struct Workload {
  JobFeatures job;          // network, precision, batch; device and counts come from the offers
  double global_batch = 0;  // items of a step on all devices; 0: job.batch_per_gpu on each
  double items = 0;         // of one epoch
  double epochs = 0;
  bool epochs_predicted = false;  // from history instead of given; the answer says so
  double startup_s = 60;          // from start to the first step
  double overhead_ratio = 0.02;   // of evaluation and checkpoints to steps
};

/// One configuration that can be had.
struct Offer {
  std::string name;  // what the table shows, "4× V100 (aws p3.8xlarge)"
  GpuSpec gpu;
  double gpus = 1;
  double nodes = 1;
  double usd_per_h = 0;  // of the whole configuration; owned: what an hour of running costs
  bool owned = false;
  bool spot = false;
  double interruptions_per_h = 0.05;  // of spot machines
  double wait_s_p50 = 0;              // in the queue, before it starts
  double wait_s_p90 = 0;
  double idle_ratio = 1;       // owned: share of the run in which nobody else would use it
  double value_usd_per_h = 0;  // owned: what an hour is worth to those who wait
  double known_runtime_s = 0;  // measured or told; 0: estimate
  bool guessed_gpu = false;    // its data sheet is unknown: typical_gpu stands in for it
};

struct Interval {
  double p10 = 0, p50 = 0, p90 = 0;
};

/// What so long on it costs: rent, or power and the worth of what others would have used.
double cost_usd(const Offer& offer, double seconds);

/// Why a configuration is out, or in.
enum class Verdict { good, too_slow, too_dear, out_of_memory, impossible };
std::string_view to_string(Verdict verdict);

struct AdviceRow {
  std::size_t offer = 0;  // index
  Verdict verdict = Verdict::good;
  Fit memory = Fit::unknown;
  Interval runtime_s;  // from start to end
  double step_s = 0;
  double cost_usd = 0;  // at p50: rent, or power and opportunity
  double cost_usd_p90 = 0;
  double wait_s = 0;    // p50
  double finish_s = 0;  // p50, from now
  double finish_s_p90 = 0;
  double similarity = 0;
  Familiarity familiarity = Familiarity::seen;
  std::string nearest;  // most similar past job
  bool pareto = false;  // no other finishes sooner for less
  std::string note;     // what a reader should know: memory is tight, device never seen, …
};

struct AdviceLimits {
  double budget_usd = 0;  // 0: none
  double deadline_s = 0;  // from now; 0: none
};

struct Advice {
  std::vector<AdviceRow> rows;  // good ones first, by cost, then by finish
  std::size_t recommended = static_cast<std::size_t>(-1);  // index in rows; none if no row is good
  std::string reason;                                      // one or two sentences
};

/// Estimates every offer and recommends one: the cheapest that keeps budget and deadline (those by
/// their p90 where an estimate was made); of rows within 3 % of its cost, which no estimate can
/// tell apart, the soonest. A device without data sheet is recommended only when nothing else is
/// left. Pure. 500 offers take some milliseconds (bench: advice_500_ms).
/// Errors: invalid_argument for a workload without length, items or batch, or limits below 0.
Result<Advice> advise(const EstimatorModel& model, const Workload& work,
                      std::span<const Offer> offers, const AdviceLimits& limits = {});

}  // namespace galley::estimator
