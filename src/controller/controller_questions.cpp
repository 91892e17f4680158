// The half of the controller that answers, and what people set up: teams and bookings.
#include <cmath>
#include <limits>

#include "base/log.h"
#include "controller_impl.h"
#include "explain.h"
#include "queries.h"
#include "restore.h"
#include "team_commands.h"

namespace galley::controller {
namespace {

/// GPU-seconds of each team, older ones counting less, as the fair share counts them.
std::map<std::string, double> decay(const std::vector<scheduler::UsageSeen>& usage, WallTime now) {
  const double half_life = static_cast<double>(scheduler::Options{}.usage_half_life.count());
  std::map<std::string, double> used;
  for (const auto& seen : usage)
    used[seen.team] +=
        seen.gpu_seconds * std::exp2(-static_cast<double>((now - seen.at).count()) / half_life);
  return used;
}

}  // namespace

protocol::GuideRecord outside_guide() {
  protocol::GuideRecord record;
  record.reason = "Slurm queues and places it; while it waits there, the job says what Slurm says";
  return record;
}

Result<protocol::JobRecord> Controller::job(const JobId& job) const {
  return find_job(impl_->database, job);
}
Result<JobPage> Controller::jobs(const JobQuery& query) const {
  return list_jobs(impl_->database, query);
}
Result<std::vector<protocol::AttemptRecord>> Controller::attempts(const JobId& job) const {
  return list_attempts(impl_->database, job);
}
Result<std::vector<protocol::EventRecord>> Controller::job_events(const JobId& job) const {
  return list_job_events(impl_->database, job);
}
Result<QueueCounts> Controller::queue() const {
  return count_queue(impl_->database, impl_->clock.wall());
}

std::vector<protocol::NodeRecord> Controller::nodes() const {
  std::vector<protocol::NodeRecord> nodes;
  {
    const std::lock_guard lock(impl_->nodes_mutex);
    for (const auto& [id, node] : impl_->nodes) nodes.push_back(node);
  }
  if (auto status = add_allocations(impl_->database, nodes); !status)
    log::warn("controller", "allocations could not be read",
              {{"reason", describe(status.error())}});
  return nodes;
}

Result<protocol::GuideRecord> Controller::guide(const protocol::JobSpec& spec,
                                                const Caller&) const {
  GALLEY_TRY_STATUS(impl_->check_door(spec));
  if (spec.executor != protocol::Executor::native) return outside_guide();
  std::vector<scheduler::Content> contents;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(contents, contents_of(transaction, spec));
    return ok();
  }));
  protocol::JobRecord thought_of;
  thought_of.id = impl_->ids.next<JobTag>();
  thought_of.seq = std::numeric_limits<std::int64_t>::max();  // behind all that wait
  thought_of.team = spec.team;
  thought_of.priority_class = spec.priority_class;
  thought_of.created_at = impl_->clock.wall();
  thought_of.spec = spec;
  const auto copy = impl_->copy(false);
  const std::lock_guard lock(copy->mutex);
  return guide_record(
      copy->scheduler.guide(queued_job(thought_of, std::move(contents)), thought_of.created_at));
}

Result<protocol::GuideRecord> Controller::guide(const JobId& id) const {
  GALLEY_TRY(const auto job, find_job(impl_->database, id));
  if (job.state != protocol::JobState::queued)
    return Error{Errc::conflict,
                 id.str() + " does not wait: it is " + std::string(protocol::word_of(job.state))};
  if (job.spec.executor != protocol::Executor::native) return outside_guide();
  const auto copy = impl_->copy(true);
  const std::lock_guard lock(copy->mutex);
  const scheduler::QueuedJob* queued = copy->scheduler.find(id);
  if (queued == nullptr) return Error{Errc::conflict, id.str() + " is being started"};
  return guide_record(copy->scheduler.guide(*queued, impl_->clock.wall()));
}

Result<protocol::WhyRecord> Controller::why(const JobId& id) const {
  GALLEY_TRY(const auto job, find_job(impl_->database, id));
  if (job.state == protocol::JobState::queued && job.spec.executor != protocol::Executor::native) {
    protocol::WhyRecord record;
    record.summary = "It waits for the node that hands jobs to Slurm.";
    record.guide = outside_guide();
    return record;
  }
  if (job.state == protocol::JobState::queued) {
    const auto copy = impl_->copy(true);
    const std::lock_guard lock(copy->mutex);
    const WallTime now = impl_->clock.wall();
    auto record = why_record(copy->scheduler.why(id, now));
    record.summary = "It waits: " + record.summary + ".";
    if (const auto* queued = copy->scheduler.find(id))
      record.guide = guide_record(copy->scheduler.guide(*queued, now));
    return record;
  }
  GALLEY_TRY(const auto attempts, list_attempts(impl_->database, id));
  protocol::WhyRecord record;
  record.summary = "It is " + std::string(protocol::word_of(job.state)) +
                   (job.reason.empty() ? "." : ": " + job.reason + ".");
  for (const auto& attempt : attempts)
    record.lines.push_back("attempt " + std::to_string(attempt.number) + " on " +
                           attempt.node_id.str() + ": " +
                           std::string(protocol::word_of(attempt.state)) +
                           (attempt.reason.empty() ? "" : ", " + attempt.reason));
  if (protocol::is_final(job.state) || job.spec.executor != protocol::Executor::native)
    return record;
  std::string decision;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(decision, last_decision(transaction, id));
    return ok();
  }));
  for (std::string& line : decision_lines(decision)) record.lines.push_back(std::move(line));
  return record;
}

Result<std::vector<protocol::TeamRecord>> Controller::teams() const {
  const WallTime now = impl_->clock.wall();
  std::map<std::string, protocol::TeamRecord> teams;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(auto known, read_teams(transaction));
    for (auto& team : known)
      teams[team.name] = {
          .name = team.name, .weight = team.weight, .guarantees = std::move(team.guarantees)};
    GALLEY_TRY(const auto usage, read_usage(transaction, now));
    for (const auto& [team, used] : decay(usage, now)) teams[team].used_gpu_s = used;
    GALLEY_TRY(const auto running, count_team_gpus(transaction));
    for (const auto& [team, gpus] : running) teams[team].running_gpus = gpus;
    return ok();
  }));
  std::vector<protocol::TeamRecord> list;
  for (auto& [name, team] : teams) {
    team.name = name;
    list.push_back(std::move(team));
  }
  return list;
}

Result<protocol::TeamRecord> Controller::put_team(protocol::TeamSpec team, const Caller& caller) {
  const std::string name = team.name;
  GALLEY_TRY_STATUS(impl_->store_and_post(
      [command = PutTeam{team, caller, impl_->clock.wall()}](store::Transaction& transaction) {
        return galley::controller::put_team(transaction, command);
      },
      Learnt{scheduler::TeamChanged{team_of(team)}}));
  GALLEY_TRY(const auto all, teams());
  for (const auto& record : all)
    if (record.name == name) return record;
  return Error{Errc::conflict, "team " + name + " was deleted meanwhile"};
}

Status Controller::delete_team(const std::string& name, const Caller& caller) {
  scheduler::Team nobody;
  nobody.name = name;
  return impl_->store_and_post(
      [command = DeleteTeam{name, caller, impl_->clock.wall()}](store::Transaction& transaction) {
        return galley::controller::delete_team(transaction, command);
      },
      Learnt{scheduler::TeamChanged{std::move(nobody)}});
}

void Controller::user_quota(const std::string& user, std::optional<std::int64_t> max_gpus) {
  impl_->post(Learnt{scheduler::QuotaChanged{user, max_gpus}});
}

void Controller::expect_runtimes(std::vector<ExpectedRuntime> jobs) {
  Expected event;
  for (auto& one : jobs)
    event.runtimes.push_back({std::move(one.job), {one.typical, one.long_one}});
  if (!event.runtimes.empty()) impl_->post(std::move(event));
}

void Controller::expect_ends(std::vector<ExpectedEnd> jobs) {
  Expected event;
  for (auto& one : jobs) event.ends.push_back({std::move(one.job), one.at});
  if (!event.ends.empty()) impl_->post(std::move(event));
}

Result<std::vector<protocol::ReservationRecord>> Controller::reservations() const {
  std::vector<protocol::ReservationRecord> list;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(list, read_reservations(transaction, impl_->clock.wall()));
    return ok();
  }));
  return list;
}

Result<protocol::ReservationRecord> Controller::reserve(protocol::ReservationSpec reservation,
                                                        const Caller& caller) {
  const WallTime now = impl_->clock.wall();
  protocol::ReservationRecord record{.id = impl_->ids.next<ReservationTag>(),
                                     .team = reservation.team,
                                     .resources = reservation.resources,
                                     .start_at = reservation.start_at,
                                     .duration = reservation.duration,
                                     .principal = caller.principal,
                                     .state = reservation.start_at <= now
                                                  ? protocol::ReservationState::active
                                                  : protocol::ReservationState::upcoming};
  GALLEY_TRY_STATUS(impl_->store_and_post(
      [command = Reserve{record.id, std::move(reservation), caller, now}](
          store::Transaction& transaction) {
        return galley::controller::reserve(transaction, command);
      },
      Learnt{scheduler::Booked{booking_of(record)}}));
  return record;
}

Status Controller::unreserve(const ReservationId& reservation, const Caller& caller) {
  return impl_->store_and_post(
      [command =
           Unreserve{reservation, caller, impl_->clock.wall()}](store::Transaction& transaction) {
        return galley::controller::unreserve(transaction, command);
      },
      Learnt{scheduler::Unbooked{reservation.str()}});
}

}  // namespace galley::controller
