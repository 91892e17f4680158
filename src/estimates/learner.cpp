#include "learner.h"

#include <algorithm>
#include <array>
#include <set>

#include "job_forecast.h"
#include "measured_step.h"
#include "store/events.h"
#include "tracking/tracking.h"

namespace galley::estimates {
namespace {

using protocol::JobState;
using store::Transaction;

constexpr std::int64_t kChangesOfALook = 500;
constexpr std::size_t kPointsOfASeries = 2000;
constexpr std::string_view kMarkName = "events";

/// Where the last look ended; where there was none, nothing before now is looked at.
Result<std::int64_t> read_mark(Transaction& transaction) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select value from estimator_marks where name = :1",
                                   {std::string(kMarkName)}));
  if (row) return row->integer(0);
  return store::last_event_seq(transaction);
}

RunPoints points_of(tracking::Tracking& tracking, const RunId& run) {
  RunPoints points;
  const auto summaries = tracking.series(run);
  if (!summaries) return points;
  const tracking::SeriesSummary* longest = nullptr;
  for (const auto& one : *summaries) {
    if (!tells_step_time(one.key)) {
      if (longest == nullptr || one.count > longest->count) longest = &one;
      continue;
    }
    if (auto told = tracking.points(run, one.key, kPointsOfASeries))
      points[one.key] = *std::move(told);
  }
  if (longest != nullptr)
    if (auto found = tracking.points(run, longest->key, kPointsOfASeries))
      points[longest->key] = *std::move(found);
  return points;
}

Forecast forecast_of(const protocol::JobRecord& job, const Expected& expected, WallTime now) {
  const auto& wants = job.spec.resources;
  const bool waits = job.state == JobState::queued || job.state == JobState::starting;
  return {.job = job.id,
          .name = job.name,
          .similar_to = expected.similar_to,
          .gpu_type = expected.gpu ? expected.gpu->spec.name : wants.gpu_type.value_or(""),
          .gpus = wants.gpus * wants.nodes,
          .made = waits ? "before" : "running",
          .source = expected.source,
          .at = now,
          // What has ended before anybody looked was not foreseen.
          .expected = is_final(job.state) ? std::nullopt : expected.runtime};
}

/// What the scheduler may count on. A program that would go on past its max_runtime is ended then.
controller::ExpectedRuntime for_scheduler(const protocol::JobRecord& job,
                                          const Quantiles& expected) {
  const auto bounded = [&](double seconds) {
    constexpr double kLongest_s = 10 * 365.25 * 86'400;
    const Millis time{static_cast<std::int64_t>(1e3 * std::clamp(seconds, 1.0, kLongest_s))};
    return std::min(time, job.spec.max_runtime.value_or(time));
  };
  return {job.id, bounded(expected.p50), bounded(expected.p90)};
}

}  // namespace

Result<Expected> expect_job(const Parts& parts, const estimator::EstimatorModel& model,
                            const protocol::JobSpec& spec, const JobWork& work) {
  const auto& wants = spec.resources;
  Expected expected{.similar_to = kind_of_job(spec)};
  if (wants.gpus > 0)
    for (auto& gpu : cluster_gpus(parts.controller.nodes()))
      if (!expected.gpu && is_of_type(gpu.model, wants.gpu_type)) expected.gpu = std::move(gpu);
  std::vector<double> before;
  GALLEY_TRY_STATUS(parts.database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(before, read_similar(transaction, expected.similar_to, kSimilarRuns));
    return ok();
  }));
  expected.runtime = forecast_from_runs(before);
  if (expected.runtime) expected.source = "history";
  const bool is_part = wants.gpu_milli.value_or(1000) < 1000;
  if (expected.runtime || !expected.gpu || expected.gpu->guessed || is_part) return expected;
  expected.runtime =
      forecast_from_model(model, work,
                          {expected.gpu->spec, static_cast<double>(wants.gpus * wants.nodes),
                           static_cast<double>(wants.nodes)});
  if (expected.runtime) expected.source = "model";
  return expected;
}

Learner::Learner(const Parts& parts, ModelInUse& model, AccuracyMetrics& metrics)
    : parts_(parts), model_(model), metrics_(metrics) {}

Status Learner::look() {
  const std::lock_guard lock(looking_);
  std::vector<store::Event> events;
  const std::array<std::string, 1> kinds{"job"};
  GALLEY_TRY_STATUS(parts_.database.read([&](Transaction& transaction) -> Status {
    if (!mark_) {
      GALLEY_TRY(mark_, read_mark(transaction));
    }
    GALLEY_TRY(events, store::read_events(transaction, *mark_, kinds, kChangesOfALook));
    return ok();
  }));
  if (events.empty()) return ok();
  Seen seen;
  std::set<std::string> jobs;
  for (const auto& event : events) jobs.insert(event.subject);
  for (const auto& id : jobs) GALLEY_TRY_STATUS(take_job(JobId::trusted(id), seen));
  GALLEY_TRY_STATUS(save(seen, events.back().seq));
  mark_ = events.back().seq;
  for (const auto& one : seen.ended) metrics_.add(one);
  parts_.controller.expect_runtimes(std::move(seen.expected));
  return ok();
}

Result<LivePrior> Learner::prior_of(const protocol::JobRecord& job) const {
  std::optional<Forecast> known;
  GALLEY_TRY_STATUS(parts_.database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(known, read_forecast(transaction, job.id));
    return ok();
  }));
  if (!known) {  // it began at once, before anybody looked
    GALLEY_TRY(const auto expected,
               expect_job(parts_, model_.get()->model, job.spec, work_of(job)));
    known = forecast_of(job, expected, parts_.clock.wall());
    GALLEY_TRY_STATUS(parts_.database.write(
        [&known](Transaction& transaction) { return insert_forecast(transaction, *known); }));
    if (known->expected) parts_.controller.expect_runtimes({for_scheduler(job, *known->expected)});
  }
  LivePrior prior;
  if (const auto& of = known->expected)
    prior.total_s = estimator::Spread{of->p10, of->p50, of->p90};
  return prior;
}

Status Learner::say_again() {
  std::vector<Forecast> known;
  GALLEY_TRY_STATUS(parts_.database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(known, read_open(transaction));
    return ok();
  }));
  std::vector<controller::ExpectedRuntime> expected;
  for (const Forecast& one : known)
    if (const auto job = parts_.controller.job(one.job))
      expected.push_back(for_scheduler(*job, *one.expected));
  parts_.controller.expect_runtimes(std::move(expected));
  return ok();
}

Status Learner::save(const Seen& seen, std::int64_t mark) {
  const std::int64_t now = to_ms(parts_.clock.wall());
  return parts_.database.write([&](Transaction& transaction) -> Status {
    for (const auto& one : seen.made) GALLEY_TRY_STATUS(insert_forecast(transaction, one));
    for (const auto& one : seen.ended)
      GALLEY_TRY_STATUS(save_actual(transaction, one.job, *one.actual_s, *one.ended));
    for (const auto& row : seen.rows) {
      Json features = estimator::print_observation(row.measured);
      features["group"] = row.group;
      GALLEY_TRY_STATUS(transaction.enqueue(
          "insert into estimator_rows (job_id, at_ms, step_s, features) values (:1, :2, :3, :4)"
          " on conflict (job_id) do nothing",
          {row.job.str(), now, row.measured.step_s, dump_json(features)}));
    }
    return transaction.enqueue(
        "insert into estimator_marks (name, value) values (:1, :2)"
        " on conflict (name) do update set value = excluded.value",
        {std::string(kMarkName), mark});
  });
}

JobWork Learner::work_of(const protocol::JobRecord& job) const {
  const auto run = parts_.tracking.get(job.run_id);
  return work_of_words(run ? words_of(job.spec, run->params) : words_of(job.spec));
}

std::optional<estimator::GpuSpec> Learner::gpu_of(const protocol::JobRecord& job) const {
  const auto attempts = parts_.controller.attempts(job.id);
  if (!attempts || attempts->empty() || attempts->back().device_ids.empty()) return std::nullopt;
  for (const auto& node : parts_.controller.nodes())
    for (const auto& device : node.devices)
      if (device.id == attempts->back().device_ids.front())
        if (auto spec = estimator::find_gpu(device.model)) return *std::move(spec);
  return std::nullopt;
}

Status Learner::take_job(const JobId& id, Seen& seen) {
  const auto job = parts_.controller.job(id);
  if (!job) return job.error().code == Errc::not_found ? ok() : Status(job.error());
  std::optional<Forecast> known;
  GALLEY_TRY_STATUS(parts_.database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(known, read_forecast(transaction, id));
    return ok();
  }));
  if (!known) {
    GALLEY_TRY(const auto expected,
               expect_job(parts_, model_.get()->model, job->spec, work_of(*job)));
    known = forecast_of(*job, expected, parts_.clock.wall());
    seen.made.push_back(*known);
    if (known->expected) seen.expected.push_back(for_scheduler(*job, *known->expected));
  }
  if (job->state == JobState::succeeded && !known->ended)
    GALLEY_TRY_STATUS(take_end(*job, *std::move(known), seen));
  return ok();
}

Status Learner::take_end(const protocol::JobRecord& job, Forecast forecast, Seen& seen) {
  if (!job.started_at || !job.finished_at) return ok();
  forecast.ended = *job.finished_at;
  forecast.actual_s = static_cast<double>(to_ms(*job.finished_at) - to_ms(*job.started_at)) / 1e3;
  const std::string group = forecast.similar_to;
  const auto gpus = static_cast<double>(forecast.gpus);
  const auto nodes = static_cast<double>(job.spec.resources.nodes);
  seen.ended.push_back(std::move(forecast));
  const bool is_part = job.spec.resources.gpu_milli.value_or(1000) < 1000;
  if (gpus < 1 || is_part) return ok();  // step times of a share of a GPU depend on its neighbours
  const auto gpu = gpu_of(job);
  if (!gpu) return ok();
  const JobWork work = work_of(job);
  const auto features = features_at(work, {*gpu, gpus, nodes});
  const auto step_s = measured_step_s(points_of(parts_.tracking, job.run_id), work, gpus);
  // Nothing is faster than its operations at the device's peak: such a step counts something else.
  if (!features || !step_s || *step_s < estimator::roofline_s(*features)) return ok();
  seen.rows.push_back({job.id, {*features, *step_s}, group});
  return ok();
}

Result<estimator::RowsFile> read_rows(Transaction& transaction) {
  GALLEY_TRY(const auto found,
             transaction.query("select features from estimator_rows order by at_ms, job_id"
                               " limit :1",
                               {static_cast<std::int64_t>(estimator::kMostRows)}));
  estimator::RowsFile file;
  for (const auto& row : found) {
    GALLEY_TRY(const auto json, parse_json(row.text(0)));
    auto measured = estimator::parse_observation(json);
    if (!measured) continue;  // of a device that this version does not know
    file.rows.push_back(*std::move(measured));
    file.groups.push_back(json.value("group", std::string()));
  }
  return file;
}

Result<std::int64_t> count_rows(Transaction& transaction) {
  GALLEY_TRY(const auto row, transaction.query_one("select count(*) from estimator_rows"));
  return row ? row->integer(0) : 0;
}

}  // namespace galley::estimates
