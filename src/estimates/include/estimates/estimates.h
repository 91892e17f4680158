#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "controller/controller.h"
#include "estimates/gpu_prices.h"
#include "estimates/live_etas.h"
#include "store/database.h"

namespace galley::blobs {
class BlobStore;
}
namespace galley::registry {
class Registry;
}
namespace galley::tracking {
class Tracking;
}

namespace galley::estimates {

/// What the service works with. All of it must outlive it.
struct Parts {
  store::Database& database;
  controller::Controller& controller;
  tracking::Tracking& tracking;
  registry::Registry& registry;
  blobs::BlobStore& blobs;
  const Clock& clock;
};

struct Options {
  bool learns = true;                 // a thread follows jobs; else only look() does
  std::int64_t rows_of_a_fit = 40;    // new measured jobs after which a model is fitted again
  std::optional<GpuPrices> prices{};  // nothing: those that come with the program
};

/// Estimates of an installation: from its own machines, queue, prices and jobs.
///
/// A question is a file of kind `estimate` (docs/estimates.md) as JSON; `kind` and `version` may be
/// left out. Further members: `cluster` (false: without the site's own GPUs as configurations),
/// `prices` (true: the shipped price list too; the default where `configurations` is absent) and
/// `spot` (its spot machines too). Or `{"job": a job's spec, "work": the members of the file that
/// say what is trained}`: then what the job asks for is one of the configurations.
///
/// As jobs are accepted, run and end, it keeps what they were expected to take and what they took,
/// and learns from them: docs/estimates.md.
///
/// Thread-safe; one thread of its own.
class Estimates {
 public:
  /// Errors: the store's.
  static Result<std::unique_ptr<Estimates>> open(const Parts& parts, Options options = {});
  /// As stop().
  ~Estimates();
  /// Follows jobs no more. Before the controller stops.
  void stop();
  /// Takes in what happened to jobs since the last look. For tests; the thread does it by itself.
  /// Errors: the store's, the controller's.
  Status look();

  /// What `galley estimate --json` prints, with `model`: which estimator answered and how many jobs
  /// of this site it has learnt from. Waits of the site's own configurations come from the
  /// scheduler's guide. Of a job that has run before, `history` {runs, runtime_s, cost_usd?} says
  /// what it took, and its own GPUs are a configuration whose runtime is known. Some milliseconds,
  /// and one for each own configuration. Errors: invalid_argument with the path of the field.
  Result<Json> answer(const Json& question, const controller::Caller& caller) const;

  /// What a job would take from its start, on the machines that it asks for, and cost on them:
  /// {runtime_s: {p10, p50, p90}, cost_usd, gpu, source}; null where neither runs like it nor what
  /// it says of itself tell. `source` is history or model. Errors: the store's.
  Result<Json> of_job(const protocol::JobSpec& spec) const;

  /// What is known of a job that begins to run, for LiveEtas: what was expected of it, and what an
  /// hour of the machines that it got costs. What cannot be read is not known.
  LivePrior prior_of(const protocol::JobRecord& job) const;

  /// What a form can offer: {gpus, networks, precisions, offers, cluster}.
  Json options() const;

  /// How estimates compare with what jobs took, the newest `limit` of them:
  /// {items, mdape_pct, coverage90_pct, count}, with the estimator in use (`model`) and the newest
  /// times that it was fitted on the site's jobs (`fits`). Errors: the store's.
  Result<Json> accuracy(std::int64_t limit) const;
  /// The same for Prometheus, over all jobs.
  std::string metrics() const;

 private:
  struct Impl;
  explicit Estimates(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::estimates
