#include "estimates/live_etas.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "base/log.h"
#include "controller/controller.h"
#include "live_history.h"
#include "live_run.h"
#include "tracking/tracking.h"

namespace galley::estimates {
namespace {

using protocol::JobRecord;

// Runs that no job of ours runs end without a word as often as with one.
constexpr Millis kForgottenAfter = std::chrono::hours(6);

constexpr double kFurthestEnd_s = 10 * 365.25 * 86'400;

struct Followed {
  std::shared_ptr<LiveRun> run;
  std::optional<JobRecord> job;
  std::shared_ptr<const LiveHistory> history;
  bool changed = true;
  WallTime last_heard{};
  std::optional<WallTime> said_end{};  // to the scheduler
};

std::chrono::nanoseconds thread_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::int64_t gpus_of(const std::optional<JobRecord>& job) {
  return job ? job->spec.resources.gpus * job->spec.resources.nodes : 0;
}

}  // namespace

struct LiveEtas::Impl {
  Impl(controller::Controller& the_controller, tracking::Tracking& the_tracking,
       const Clock& the_clock, PriorOf the_prior_of)
      : controller(the_controller),
        tracking(the_tracking),
        clock(the_clock),
        prior_of(std::move(the_prior_of)),
        histories(the_controller, the_tracking) {}

  void run();
  void look();
  Result<std::vector<JobRecord>> running_jobs();
  Status follow_job(JobRecord job);
  Result<Followed> follow_run(const RunId& id);
  /// Reads the run's record into it, with what comes meanwhile; `lock` is held afterwards.
  Status catch_up(const RunId& id, LiveRun& run, std::unique_lock<std::mutex>& lock);
  void end_those_not_in(const std::set<RunId>& running);
  void end(const RunId& id, Followed followed);
  void tell_changes();
  void expect_ends(const std::vector<Current>& changes);
  protocol::JobEta estimate_locked(Followed& followed);

  controller::Controller& controller;
  tracking::Tracking& tracking;
  const Clock& clock;
  const PriorOf prior_of;
  LiveHistories histories;  // of the thread

  mutable std::mutex mutex;  // guards what follows
  std::map<RunId, Followed> followed;
  std::map<JobId, RunId> runs_of_jobs;
  std::set<RunId> heard_of;  // and not followed yet
  // Of runs whose records are being read: what comes meanwhile.
  std::map<RunId, std::vector<tracking::MetricPoint>> arriving;
  std::array<EtaErrors, 3> errors{};

  std::mutex tell_mutex;  // guards tell, also while it is called
  Tell tell;

  std::mutex look_mutex;  // one look at a time
  std::mutex stop_mutex;  // guards stopping
  std::condition_variable stop_changed;
  bool stopping = false;
  std::thread thread;
};

void LiveEtas::Impl::run() {
  for (;;) {
    const auto began = thread_time();
    look();
    // Where there is much to look at, a twentieth of a core is enough; waiting for a disk is none.
    const auto took = thread_time() - began;
    const auto pause = std::max<std::chrono::nanoseconds>(kPace, 20 * took);
    std::unique_lock lock(stop_mutex);
    if (stop_changed.wait_for(lock, pause, [&] { return stopping; })) return;
  }
}

Result<std::vector<JobRecord>> LiveEtas::Impl::running_jobs() {
  std::vector<JobRecord> jobs;
  controller::JobQuery query{.where_sql = "state in ('running', 'cancelling')", .limit = 200};
  do {
    GALLEY_TRY(auto page, controller.jobs(query));
    std::ranges::move(page.jobs, std::back_inserter(jobs));
    query.cursor = page.next_cursor;
  } while (!query.cursor.empty() && jobs.size() < kMostRuns);
  return jobs;
}

void LiveEtas::Impl::look() {
  const std::lock_guard one(look_mutex);
  auto jobs = running_jobs();
  if (!jobs) return;  // the store is away; what is known stays
  std::set<RunId> running;
  for (JobRecord& job : *jobs) {
    running.insert(job.run_id);
    {
      const std::lock_guard lock(mutex);
      const auto found = followed.find(job.run_id);
      if (found != followed.end() && found->second.job) continue;
    }
    if (auto status = follow_job(std::move(job)); !status)
      log::debug("estimates", "a job cannot be followed", {{"why", describe(status.error())}});
  }
  std::set<RunId> others;
  {
    const std::lock_guard lock(mutex);
    others.swap(heard_of);
  }
  for (const RunId& id : others) (void)follow_run(id).has_value();
  end_those_not_in(running);
  tell_changes();
}

Status LiveEtas::Impl::catch_up(const RunId& id, LiveRun& run, std::unique_lock<std::mutex>& lock) {
  {
    const std::lock_guard begin(mutex);
    arriving[id];
  }
  const Status read = replay_run(tracking, id, run);
  lock = std::unique_lock(mutex);
  const auto came = arriving.extract(id);
  // What was read as well is passed over: it is not newer.
  if (read && !came.empty()) run.add(came.mapped());
  return read;
}

Status LiveEtas::Impl::follow_job(JobRecord job) {
  std::optional<protocol::MetricGoal> goal;
  if (job.spec.metrics && job.spec.metrics->target)
    if (auto parsed = protocol::parse_metric_goal(*job.spec.metrics->target, "target"))
      goal = *std::move(parsed);
  const LivePrior prior = prior_of ? prior_of(job) : LivePrior{};
  auto run = std::make_shared<LiveRun>(job.started_at.value_or(job.created_at), prior, goal);
  auto history = histories.of(job);
  std::unique_lock<std::mutex> lock;
  GALLEY_TRY_STATUS(catch_up(job.run_id, *run, lock));
  if (followed.size() >= kMostRuns) return ok();
  runs_of_jobs[job.id] = job.run_id;
  const RunId id = job.run_id;
  heard_of.erase(id);
  followed[id] = Followed{std::move(run), std::move(job), std::move(history), true, clock.wall()};
  return ok();
}

Result<Followed> LiveEtas::Impl::follow_run(const RunId& id) {
  GALLEY_TRY(const auto details, tracking.get(id));
  if (details.run.state != tracking::RunState::running)
    return Error{Errc::conflict, "run " + id.str() + " has ended: it has no remaining time"};
  auto run = std::make_shared<LiveRun>(details.run.created, LivePrior{}, std::nullopt);
  std::unique_lock<std::mutex> lock;
  GALLEY_TRY_STATUS(catch_up(id, *run, lock));
  Followed made{std::move(run), std::nullopt, nullptr, true, clock.wall()};
  // A job's run is followed with what its job says.
  if (details.run.job_id.empty() && followed.size() < kMostRuns) {
    const auto [place, is_new] = followed.try_emplace(id, made);
    return place->second;
  }
  return made;
}

void LiveEtas::Impl::end_those_not_in(const std::set<RunId>& running) {
  std::vector<std::pair<RunId, Followed>> ended;
  {
    const std::lock_guard lock(mutex);
    for (auto at = followed.begin(); at != followed.end();) {
      const Followed& one = at->second;
      const bool gone =
          one.job ? !running.contains(at->first) : clock.wall() - one.last_heard > kForgottenAfter;
      if (!gone) {
        ++at;
        continue;
      }
      if (one.job) runs_of_jobs.erase(one.job->id);
      ended.emplace_back(at->first, std::move(at->second));
      at = followed.erase(at);
    }
  }
  for (auto& [id, one] : ended) end(id, std::move(one));
}

/// What came true is kept for later runs of the program, and compared with what was said.
void LiveEtas::Impl::end(const RunId&, Followed one) {
  if (!one.job) return;
  const auto job = controller.job(one.job->id);
  if (!job || job->state != protocol::JobState::succeeded || !job->finished_at) return;
  one.run->finish(*job->finished_at);
  const auto profile = one.run->profile();
  if (profile.checkpoints.empty()) return;
  histories.add(*job, profile);
  constexpr double kQuarter = 0.25;
  const auto at = std::ranges::find_if(
      profile.checkpoints, [](const auto& point) { return point.progress_ratio >= kQuarter; });
  if (at == profile.checkpoints.end() || !(profile.total_s > at->elapsed_s)) return;
  const double truth = profile.total_s - at->elapsed_s;
  const double error = std::abs(at->remaining_s - truth) / truth;
  if (!std::isfinite(error)) return;
  const std::lock_guard lock(mutex);
  EtaErrors& record =
      errors[static_cast<std::size_t>(std::clamp<std::int64_t>(gpus_of(one.job), 0, 2))];
  const auto bound = std::ranges::lower_bound(EtaErrors::kBounds, error);
  ++record.counts[static_cast<std::size_t>(bound - EtaErrors::kBounds.begin())];
  record.sum += error;
}

protocol::JobEta LiveEtas::Impl::estimate_locked(Followed& one) {
  const LiveHistory* history = one.history.get();
  auto eta = one.run->eta(clock.wall(), history != nullptr ? &history->runs : nullptr,
                          history != nullptr ? history->usual_total : std::nullopt);
  eta.gpus = gpus_of(one.job);
  return eta;
}

void LiveEtas::Impl::tell_changes() {
  std::vector<Current> changes;
  {
    const std::lock_guard lock(mutex);
    for (auto& [id, one] : followed)
      if (one.job && std::exchange(one.changed, false))
        changes.push_back({one.job->id, estimate_locked(one)});
  }
  expect_ends(changes);
  const std::lock_guard lock(tell_mutex);
  if (!tell) return;
  for (const Current& change : changes)
    if (change.eta.remaining_s || change.eta.step) tell(change.job, change.eta);
}

/// The scheduler plans anew whenever it hears of a time, so it hears of those that matter.
void LiveEtas::Impl::expect_ends(const std::vector<Current>& changes) {
  constexpr std::int64_t kLeastChangeMs = 5'000;
  constexpr std::int64_t kTenths = 10;
  const WallTime now = clock.wall();
  std::vector<controller::ExpectedEnd> ends;
  const std::lock_guard lock(mutex);
  for (const Current& change : changes) {
    if (!change.eta.remaining_s || change.eta.from != protocol::EtaBasis::progress) continue;
    const auto run = runs_of_jobs.find(change.job);
    if (run == runs_of_jobs.end()) continue;
    const Millis left{static_cast<std::int64_t>(
        1e3 * std::clamp(change.eta.remaining_s->p90, 0.0, kFurthestEnd_s))};
    auto& said = followed.at(run->second).said_end;
    const auto moved = said ? std::chrono::abs(now + left - *said) : Millis::max();
    if (moved < Millis{std::max(kLeastChangeMs, left.count() / kTenths)}) continue;
    said = now + left;
    ends.push_back({change.job, *said});
  }
  controller.expect_ends(std::move(ends));
}

LiveEtas::LiveEtas(controller::Controller& controller, tracking::Tracking& tracking,
                   const Clock& clock, PriorOf prior_of)
    : impl_(std::make_unique<Impl>(controller, tracking, clock, std::move(prior_of))) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

LiveEtas::~LiveEtas() { stop(); }

void LiveEtas::stop() {
  {
    const std::lock_guard lock(impl_->stop_mutex);
    impl_->stopping = true;
  }
  impl_->stop_changed.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void LiveEtas::observe(const RunId& run, std::span<const tracking::MetricPoint> points) {
  const std::lock_guard lock(impl_->mutex);
  const auto found = impl_->followed.find(run);
  if (found == impl_->followed.end()) {
    constexpr std::size_t kMostArriving = 10'000;
    if (const auto reading = impl_->arriving.find(run); reading != impl_->arriving.end()) {
      auto& came = reading->second;
      if (came.size() < kMostArriving) came.insert(came.end(), points.begin(), points.end());
    }
    if (impl_->heard_of.size() < kMostRuns) impl_->heard_of.insert(run);
    return;
  }
  found->second.run->add(points);
  found->second.changed = true;
  found->second.last_heard = impl_->clock.wall();
}

void LiveEtas::tell(Tell tell) {
  const std::lock_guard lock(impl_->tell_mutex);
  impl_->tell = std::move(tell);
}

std::optional<protocol::JobEta> LiveEtas::eta(const JobId& job) {
  const std::lock_guard lock(impl_->mutex);
  const auto run = impl_->runs_of_jobs.find(job);
  if (run == impl_->runs_of_jobs.end()) return std::nullopt;
  auto eta = impl_->estimate_locked(impl_->followed.at(run->second));
  if (!eta.remaining_s && !eta.step) return std::nullopt;
  return eta;
}

Result<protocol::JobEta> LiveEtas::eta(const RunId& run) {
  {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->followed.find(run);
    if (found != impl_->followed.end()) return impl_->estimate_locked(found->second);
  }
  GALLEY_TRY(auto made, impl_->follow_run(run));
  const std::lock_guard lock(impl_->mutex);
  return impl_->estimate_locked(made);
}

std::vector<LiveEtas::Current> LiveEtas::current(std::size_t most) {
  std::vector<Current> all;
  const std::lock_guard lock(impl_->mutex);
  for (auto& [id, one] : impl_->followed) {
    if (all.size() >= most) break;
    if (one.job) all.push_back({one.job->id, impl_->estimate_locked(one)});
  }
  return all;
}

std::array<EtaErrors, 3> LiveEtas::errors() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->errors;
}

void LiveEtas::look() { impl_->look(); }

}  // namespace galley::estimates
