#include "study_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "hpo/tuning_share.h"
#include "study_forecast.h"
#include "study_obstacle.h"
#include "trial_job.h"
#include "trial_reports.h"

namespace galley::studies {
namespace {

using hpo::Event;
using hpo::TrialState;
using protocol::JobState;
using protocol::PriorityClass;

constexpr std::chrono::milliseconds kLookAgain{250};
constexpr double kLowBefore = 15;  // seconds with fewer GPUs until trials are told to go
constexpr std::size_t kMaxPoints = 20'000;
constexpr std::int64_t kMaxWaiting = 500;  // jobs of people that are counted

std::string key_of(const StudyId& study, std::int64_t trial, std::int64_t attempt) {
  return fmt::format("{}/{}/{}", study.str(), trial, attempt);
}

/// What was booked for later, or waits in another system, takes no GPU from trials meanwhile.
bool wants_gpus_now(const protocol::JobSpec& job, WallTime now) {
  return job.executor == protocol::Executor::native && !job.reservation &&
         (!job.start_at || *job.start_at <= now);
}

/// Who holds GPUs and who wants them.
hpo::ShareFacts share_of(const std::vector<protocol::NodeRecord>& nodes,
                         const std::set<std::string>& trial_jobs, std::int64_t people_wait) {
  hpo::ShareFacts facts{.people_wait = people_wait};
  for (const auto& node : nodes) {
    if (!takes_jobs(node)) continue;
    for (const auto& device : node.devices) {
      if (device.state != "in_service") continue;
      ++facts.gpus;
      if (!device.job_id) continue;
      ++(trial_jobs.contains(device.job_id->str()) ? facts.tuning_use : facts.people_use);
    }
  }
  facts.tuning_want = facts.gpus;
  return facts;
}

}  // namespace

StudyRunner::StudyRunner(Shelf& shelf, controller::Controller& controller,
                         tracking::Tracking& tracking, store::Database& database)
    : shelf_(shelf), controller_(controller), tracking_(tracking), database_(database) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void StudyRunner::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_one();
}

void StudyRunner::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void StudyRunner::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const bool follows = look();
    std::unique_lock lock(mutex_);
    if (follows)
      changed_.wait_for(lock, stop, kLookAgain, [&] { return woken_; });
    else
      changed_.wait(lock, stop, [&] { return woken_; });
    woken_ = false;
  }
}

bool StudyRunner::look() {
  std::vector<SharedStudy> studies;
  std::set<std::string> jobs;
  std::int64_t with_gpus = 0;
  std::int64_t kept = 0;  // GPUs that studies keep though people wait
  for (const auto& study : shelf_.running()) {
    const std::lock_guard lock(study->mutex);
    if (!study->record.has_job) continue;
    studies.push_back(study);
    if (study->live->study().spec().gpus.per_trial == 0) continue;
    ++with_gpus;
    kept += study->live->study().spec().gpus.min;
    for (const auto& [attempt, job] : study->jobs) jobs.insert(job);
  }
  if (studies.empty()) {
    capacity_.clear();
    return false;
  }
  const auto nodes = controller_.nodes();
  hpo::ShareFacts share;
  std::int64_t gpus = 0;  // that all studies together may hold
  if (with_gpus > 0) {
    std::int64_t people_wait = 0;
    const auto waiting = controller_.jobs(
        {.where_sql = "state = 'queued' and priority_class <> 'idle'", .limit = kMaxWaiting});
    if (waiting)
      for (const auto& job : waiting->jobs)
        if (wants_gpus_now(job.spec, shelf_.now()))
          people_wait += job.spec.resources.gpus * job.spec.resources.nodes;
    share = share_of(nodes, jobs, people_wait);
    share.tuning_min = kept;
    gpus = hpo::tuning_share(share);
  }
  for (const auto& study : studies) {
    const bool wants_gpus = study->live->study().spec().gpus.per_trial > 0;
    const std::int64_t slots =
        wants_gpus ? std::max((gpus + with_gpus - 1) / with_gpus,
                              std::min(study->live->study().spec().gpus.min, share.gpus))
                   : std::max<std::int64_t>(slots_of_nodes(nodes, study->live->file()), 1);
    step(study, slots, slots == 0 ? no_gpus_left(share) : Obstacle{});
  }
  return true;
}

void StudyRunner::step(const SharedStudy& study, std::int64_t slots, Obstacle obstacle) {
  const std::lock_guard lock(study->mutex);
  study->obstacle = std::move(obstacle);
  if (const auto status = shelf_.refresh(*study); !status) {
    log::error("studies", "a study cannot be read; trying again",
               {{"study", study->record.id.str()}, {"reason", describe(status.error())}});
    return;
  }
  observe(*study);
  const double at_s = shelf_.at_s(*study);
  if (study->record.state == StudyState::running) tell_capacity(*study, slots, at_s);
  study->live->apply({.kind = Event::Kind::tick, .at_s = at_s});
  // Nothing is started that the store does not know of.
  if (shelf_.save(study).get()) carry_out(*study);
}

void StudyRunner::tell_capacity(Shelved& study, std::int64_t slots, double at_s) {
  auto [place, is_new] = capacity_.try_emplace(study.record.id);
  Capacity& told = place->second;
  const std::int64_t each = std::max<std::int64_t>(study.live->study().spec().gpus.per_trial, 1);
  // What a server before this one had told is what its trials hold.
  if (is_new) told = {.gpus = study.live->study().pools().live * each, .enough_at_s = at_s};
  if (slots >= told.gpus) told.enough_at_s = at_s;
  // After a restart nodes come back one by one, and people's jobs take GPUs from idle ones anyway:
  // no trial is told to go for a moment's lack.
  if (slots == told.gpus || at_s < told.enough_at_s + (slots < told.gpus ? kLowBefore : 0)) return;
  study.live->apply({.kind = Event::Kind::capacity, .at_s = at_s, .gpus = slots});
  told.gpus = slots;
}

void StudyRunner::observe(Shelved& study) {
  states_.clear();
  for (std::size_t i = 0; i < study.live->study().trials().size(); ++i) {
    const hpo::Trial& trial = study.live->study().trials()[i];
    if (!trial.is_live()) continue;
    const auto job_id = study.jobs.find({trial.number, trial.attempt});
    if (job_id != study.jobs.end()) {
      const auto job = controller_.job(JobId::trusted(job_id->second));
      if (!job) continue;
      states_[job_id->second] = job->state;
      observe_job(study, trial, *job);
    } else if (trial.state == TrialState::leaving) {  // before it had a job
      study.live->apply({.kind = Event::Kind::released,
                         .at_s = shelf_.at_s(study),
                         .trial = trial.number,
                         .attempt = trial.attempt});
    }
  }
}

void StudyRunner::report(Shelved& study, std::int64_t trial, std::int32_t attempt, const RunId& run,
                         bool is_last) {
  const auto& spec = study.live->study().spec();
  const auto summaries = tracking_.series(run);
  if (!summaries) return;
  std::int64_t count = 0;
  for (const auto& one : *summaries)
    if (std::ranges::find(spec.measures, one.key, &hpo::Measure::name) != spec.measures.end())
      count += one.count;
  auto& seen = seen_points_[run];
  if (count == seen && !is_last) return;
  std::vector<std::vector<tracking::Point>> series;
  for (const auto& measure : spec.measures) {
    auto points = tracking_.points(run, measure.name, kMaxPoints);
    series.push_back(points ? *std::move(points) : std::vector<tracking::Point>());
  }
  seen = count;
  std::vector<tracking::Point> resources;
  if (auto points = tracking_.points(run, spec.resource, kMaxPoints))
    resources = *std::move(points);
  std::vector<tracking::Artifact> checkpoints;
  if (auto files = tracking_.artifacts(run)) checkpoints = *std::move(files);
  const auto at = [&]() -> const hpo::Trial& {
    return study.live->study().trials()[static_cast<std::size_t>(trial)];
  };
  for (Event& event : told_by_run(run, series, resources, checkpoints, at().attempt_from)) {
    if (event.kind == Event::Kind::checkpointed && at().checkpoint.name == event.text) continue;
    event.at_s = shelf_.at_s(study);
    event.trial = trial;
    event.attempt = attempt;
    study.live->apply(event);
  }
}

bool StudyRunner::dies_everywhere(const Shelved& study, std::int64_t trial,
                                  const protocol::JobRecord& job) {
  const auto attempts = controller_.attempts(job.id);
  if (!attempts || attempts->empty()) return false;
  std::int64_t& lost = lost_[{study.record.id, trial}];
  lost +=
      std::ranges::count(*attempts, protocol::AttemptState::lost, &protocol::AttemptRecord::state);
  return lost > job.spec.max_lost;
}

void StudyRunner::observe_job(Shelved& study, const hpo::Trial& trial,
                              const protocol::JobRecord& job) {
  Event event{.at_s = shelf_.at_s(study), .trial = trial.number, .attempt = trial.attempt};
  // A job that begins a second time would do so from where its first attempt began. The trial goes
  // on as a new job from its newest checkpoint, when its turn comes.
  const bool was_interrupted =
      job.attempts > 1 || (job.state == JobState::queued && job.attempts > 0);
  if (!was_interrupted && (job.state == JobState::queued || job.state == JobState::starting))
    return;
  event.kind = Event::Kind::started;
  if (trial.state == TrialState::waiting && !was_interrupted) study.live->apply(event);
  report(study, event.trial, event.attempt, job.run_id, was_interrupted || is_final(job.state));
  if (!was_interrupted && !is_final(job.state)) return;
  seen_points_.erase(job.run_id);
  // A report may have told it to go, or to go on with other settings, after its job had ended.
  const auto& now = study.live->study().trials()[static_cast<std::size_t>(event.trial)];
  const bool leaving = now.state == TrialState::leaving;
  if (job.state == JobState::succeeded) {
    event.kind = Event::Kind::finished;
  } else if (leaving) {
    event.kind = Event::Kind::released;
  } else if (!is_final(job.state) && dies_everywhere(study, event.trial, job)) {
    event.kind = Event::Kind::failed;
    event.text = fmt::format("its machine died {} times", job.spec.max_lost + 1);
  } else if (!is_final(job.state)) {
    event.kind = Event::Kind::preempted;
    // Its GPUs are somebody's already: nobody waits to see whether that lasts.
    if (const auto told = capacity_.find(study.record.id); told != capacity_.end())
      told->second.enough_at_s = event.at_s - kLowBefore;
  } else {
    event.kind = Event::Kind::failed;
    event.text = job.reason.empty() ? "its job " + std::string(word_of(job.state)) : job.reason;
  }
  study.live->apply(event);
}

bool StudyRunner::may_stay(const Shelved& study) const {
  const auto& gpus = study.live->study().spec().gpus;
  if (!gpus.preemptible) return true;
  if (gpus.per_trial <= 0 || gpus.min < gpus.per_trial) return false;
  std::int64_t kept = 0;
  for (const auto& trial : study.live->study().trials()) {
    if (!trial.is_live()) continue;
    const auto known = study.jobs.find({trial.number, trial.attempt});
    if (known == study.jobs.end()) continue;
    const auto job = controller_.job(JobId::trusted(known->second));
    if (job && job->priority_class != PriorityClass::idle) kept += gpus.per_trial;
  }
  return kept + gpus.per_trial <= gpus.min;
}

void StudyRunner::carry_out(Shelved& study) {
  const auto& record = study.record;
  if (record.state == StudyState::running) {
    for (const Order& order : study.live->waiting()) {
      if (study.jobs.contains({order.trial, order.attempt})) continue;
      auto spec = job_of_trial(*study.live->file().job, record, order);
      if (spec.priority_class == PriorityClass::idle && may_stay(study))
        spec.priority_class = PriorityClass::normal;
      const std::string key = key_of(record.id, order.trial, order.attempt);
      // A crash before the next line leaves a job that the same key finds again.
      const auto accepted = controller_.submit(spec, {.principal = record.principal,
                                                      .request_id = key,
                                                      .idempotency_key = key,
                                                      .request_sha256 = sha256_hex(key)});
      if (!accepted) {
        // Memory, room or nodes may come; what is wrong in itself fails the trial.
        const auto& error = accepted.error();
        if (error.code != Errc::invalid_argument || error.field.starts_with("resources")) {
          study.obstacle = refused_job(error);
          break;
        }
        study.live->apply({.kind = Event::Kind::infeasible,
                           .at_s = shelf_.at_s(study),
                           .trial = order.trial,
                           .attempt = static_cast<std::int32_t>(order.attempt),
                           .text = describe(error)});
        continue;
      }
      const std::string job = accepted->job.id.str();
      const auto saved = database_.write([&](store::Transaction& transaction) {
        return save_job(transaction, record.id, order.trial, order.attempt, job);
      });
      if (!saved) break;
      study.jobs[{order.trial, order.attempt}] = job;
    }
  }
  cancel_unwanted(study);
}

std::optional<JobState> StudyRunner::state_of(const std::string& job) {
  if (const auto seen = states_.find(job); seen != states_.end()) return seen->second;
  const auto now = controller_.job(JobId::trusted(job));
  return now ? std::optional(now->state) : std::nullopt;
}

void StudyRunner::cancel_unwanted(const Shelved& study) {
  const auto& trials = study.live->study().trials();
  for (const auto& [key, job] : study.jobs) {
    const auto& trial = trials[static_cast<std::size_t>(key.first)];
    const bool is_newest = key.second == trial.attempt;
    if (is_newest && trial.is_live() && trial.state != TrialState::leaving) continue;
    // Once is enough: it is durable, and what has ended stays so.
    if (asked_to_end_.contains(job)) continue;
    const auto state = state_of(job);
    if (!state) continue;
    if (!is_final(*state) && *state != JobState::cancelling) {
      const auto cancelled = controller_.cancel(
          JobId::trusted(job), {.principal = study.record.principal,
                                .request_id = key_of(study.record.id, key.first, key.second)});
      if (!cancelled && cancelled.error().code != Errc::conflict) {
        log::warn("studies", "a trial's job cannot be cancelled",
                  {{"job", job}, {"reason", describe(cancelled.error())}});
        continue;
      }
    }
    asked_to_end_.insert(job);
  }
}

}  // namespace galley::studies
