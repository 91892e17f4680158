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
#include "trial_job.h"

namespace galley::studies {
namespace {

using hpo::Event;
using hpo::TrialState;
using protocol::JobState;

constexpr std::chrono::milliseconds kLookAgain{250};
constexpr double kLowBefore = 15;  // seconds with fewer GPUs until trials are told to go
constexpr std::size_t kMaxPoints = 20'000;
constexpr std::int64_t kMaxWaiting = 500;  // jobs of people that are counted

std::string key_of(const StudyId& study, std::int64_t trial, std::int64_t attempt) {
  return fmt::format("{}/{}/{}", study.str(), trial, attempt);
}

/// GPUs that all studies together may hold.
std::int64_t tuning_gpus(const std::vector<protocol::NodeRecord>& nodes,
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
  return hpo::tuning_share(facts);
}

/// What was measured at each step that has all measures.
std::map<std::int64_t, std::vector<double>> reports_of(
    const std::vector<std::vector<tracking::Point>>& series) {
  std::map<std::int64_t, std::vector<double>> reports;
  for (std::size_t i = 0; i < series.size(); ++i)
    for (const auto& point : series[i]) {
      auto& values = reports[point.step];
      if (values.size() == i) values.push_back(point.value);
      if (values.size() == i + 1) values[i] = point.value;
    }
  std::erase_if(reports, [&](const auto& one) { return one.second.size() != series.size(); });
  return reports;
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
  for (const auto& study : shelf_.running()) {
    const std::lock_guard lock(study->mutex);
    if (!study->record.has_job) continue;
    studies.push_back(study);
    if (study->live->study().spec().gpus.per_trial == 0) continue;
    ++with_gpus;
    for (const auto& [attempt, job] : study->jobs) jobs.insert(job);
  }
  if (studies.empty()) {
    capacity_.clear();
    return false;
  }
  const auto nodes = controller_.nodes();
  std::int64_t gpus = 0;
  if (with_gpus > 0) {
    std::int64_t people_wait = 0;
    const auto waiting = controller_.jobs(
        {.where_sql = "state = 'queued' and priority_class <> 'idle'", .limit = kMaxWaiting});
    if (waiting)
      for (const auto& job : waiting->jobs)
        people_wait += job.spec.resources.gpus * job.spec.resources.nodes;
    gpus = tuning_gpus(nodes, jobs, people_wait);
  }
  for (const auto& study : studies) {
    const bool wants_gpus = study->live->study().spec().gpus.per_trial > 0;
    step(study, wants_gpus ? (gpus + with_gpus - 1) / with_gpus
                           : slots_of_nodes(nodes, study->live->file()));
  }
  return true;
}

void StudyRunner::step(const SharedStudy& study, std::int64_t slots) {
  const std::lock_guard lock(study->mutex);
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
  for (std::size_t i = 0; i < study.live->study().trials().size(); ++i) {
    const hpo::Trial& trial = study.live->study().trials()[i];
    if (!trial.is_live()) continue;
    const auto job_id = study.jobs.find({trial.number, trial.attempt});
    if (job_id != study.jobs.end()) {
      const auto job = controller_.job(JobId::trusted(job_id->second));
      if (job) observe_job(study, trial, *job);
    } else if (trial.state == TrialState::leaving) {  // before it had a job
      study.live->apply({.kind = Event::Kind::released,
                         .at_s = shelf_.at_s(study),
                         .trial = trial.number,
                         .attempt = trial.attempt});
    }
  }
}

void StudyRunner::report(Shelved& study, std::int64_t trial, std::int32_t attempt,
                         const RunId& run) {
  const auto& measures = study.live->study().spec().measures;
  const auto summaries = tracking_.series(run);
  if (!summaries) return;
  std::int64_t count = 0;
  for (const auto& one : *summaries)
    if (std::ranges::find(measures, one.key, &hpo::Measure::name) != measures.end())
      count += one.count;
  auto& seen = seen_points_[run];
  if (count == seen) return;
  std::vector<std::vector<tracking::Point>> series;
  for (const auto& measure : measures) {
    auto points = tracking_.points(run, measure.name, kMaxPoints);
    if (!points) return;  // not all measures have come
    series.push_back(*std::move(points));
  }
  seen = count;
  const auto reports = reports_of(series);
  // Where the program says how far it is in the study's own units, its steps mean something else.
  std::map<std::int64_t, double> resources;
  if (const auto points = tracking_.points(run, study.live->study().spec().resource, kMaxPoints))
    for (const auto& point : *points) resources[point.step] = point.value;
  const auto resource_at = [&](std::int64_t step) {
    const auto told = resources.find(step);
    return told == resources.end() ? static_cast<double>(step) : told->second;
  };
  // Who counts from 0 has spent one unit when it reports 0.
  const double first = !reports.empty() && resource_at(reports.begin()->first) <= 0 ? 1 : 0;
  for (const auto& [step, values] : reports)
    study.live->apply({.kind = Event::Kind::reported,
                       .at_s = shelf_.at_s(study),
                       .trial = trial,
                       .attempt = attempt,
                       .resource = resource_at(step) + first,
                       .objectives = values});
}

void StudyRunner::observe_job(Shelved& study, const hpo::Trial& trial,
                              const protocol::JobRecord& job) {
  Event event{.at_s = shelf_.at_s(study), .trial = trial.number, .attempt = trial.attempt};
  const bool leaving = trial.state == TrialState::leaving;
  if (job.state == JobState::queued || job.state == JobState::starting) return;
  event.kind = Event::Kind::started;
  if (trial.state == TrialState::waiting) study.live->apply(event);
  report(study, event.trial, event.attempt, job.run_id);
  if (!is_final(job.state)) return;
  seen_points_.erase(job.run_id);
  if (job.state == JobState::succeeded) {
    event.kind = Event::Kind::finished;
  } else if (leaving) {
    event.kind = Event::Kind::released;
  } else {
    event.kind = Event::Kind::failed;
    event.text = job.reason.empty() ? "its job " + std::string(word_of(job.state)) : job.reason;
  }
  // A report may have told it to go, or to go on with other settings, after its job had ended.
  const auto& now = study.live->study().trials()[static_cast<std::size_t>(event.trial)];
  if (now.state == TrialState::leaving && event.kind != Event::Kind::finished)
    event.kind = Event::Kind::released;
  study.live->apply(event);
}

void StudyRunner::carry_out(Shelved& study) {
  const auto& record = study.record;
  if (record.state == StudyState::running) {
    for (const Order& order : study.live->waiting()) {
      if (study.jobs.contains({order.trial, order.attempt})) continue;
      const auto spec = job_of_trial(*study.live->file().job, record, order);
      const std::string key = key_of(record.id, order.trial, order.attempt);
      // A crash before the next line leaves a job that the same key finds again.
      const auto accepted = controller_.submit(spec, {.principal = record.principal,
                                                      .request_id = key,
                                                      .idempotency_key = key,
                                                      .request_sha256 = sha256_hex(key)});
      if (!accepted) {
        log::warn("studies", "a trial's job was not accepted",
                  {{"study", record.id.str()}, {"reason", describe(accepted.error())}});
        // Memory or room may come; what is wrong in itself fails the trial.
        if (accepted.error().code != Errc::invalid_argument) break;
        study.live->apply({.kind = Event::Kind::infeasible,
                           .at_s = shelf_.at_s(study),
                           .trial = order.trial,
                           .attempt = static_cast<std::int32_t>(order.attempt),
                           .text = describe(accepted.error())});
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
  for (const auto& trial : study.live->study().trials()) {
    if (trial.state != TrialState::leaving) continue;
    const auto job = study.jobs.find({trial.number, trial.attempt});
    if (job == study.jobs.end()) continue;
    const auto now = controller_.job(JobId::trusted(job->second));
    if (!now || is_final(now->state) || now->state == JobState::cancelling) continue;
    const auto cancelled =
        controller_.cancel(JobId::trusted(job->second),
                           {.principal = record.principal,
                            .request_id = key_of(record.id, trial.number, trial.attempt)});
    if (!cancelled && cancelled.error().code != Errc::conflict)
      log::warn("studies", "a trial's job cannot be cancelled",
                {{"job", job->second}, {"reason", describe(cancelled.error())}});
  }
}

}  // namespace galley::studies
