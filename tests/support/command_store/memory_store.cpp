#include "memory_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "capacity_check.h"
#include "job_states.h"

namespace galley::controller {

using protocol::AttemptState;
using protocol::JobState;

namespace {

Error conflict(std::string message) { return {Errc::conflict, std::move(message)}; }
Error not_found(std::string message) { return {Errc::not_found, std::move(message)}; }

Status check_move(const protocol::JobRecord& job, JobState to) {
  if (may_move(job.state, to)) return ok();
  return conflict(fmt::format("{} is {} and cannot become {}", job.id.str(),
                              protocol::word_of(job.state), protocol::word_of(to)));
}

}  // namespace

Result<std::vector<scheduler::Content>> MemoryStore::contents(const protocol::JobSpec& spec) const {
  std::vector<scheduler::Content> found;
  for (const std::string& reference : spec.datasets) {
    const auto known = datasets_.find(reference);
    if (known == datasets_.end()) return not_found("there is no data set " + reference);
    found.push_back({reference, known->second});
  }
  return found;
}

Result<AcceptedJob> MemoryStore::accept(const AcceptJob& command) {
  const Caller& caller = command.caller;
  if (!caller.idempotency_key.empty()) {
    const auto before = idempotency_.find({caller.principal, caller.idempotency_key});
    if (before != idempotency_.end()) {
      if (before->second.request_sha256 != caller.request_sha256)
        return conflict("this idempotency key came before with another body");
      const JobId& id = before->second.job;
      return AcceptedJob{id, jobs_.at(id).record.seq, true, {}};
    }
  }
  GALLEY_TRY(auto found, contents(command.job.spec));
  Job job{command.job, std::nullopt, 0};
  job.record.seq = ++last_seq_;
  job.record.state = JobState::queued;
  unfinished_.emplace(last_seq_, job.record.id);
  if (!caller.idempotency_key.empty())
    idempotency_[{caller.principal, caller.idempotency_key}] = {caller.request_sha256,
                                                                job.record.id};
  const JobId id = job.record.id;
  jobs_.emplace(id, std::move(job));
  return AcceptedJob{id, last_seq_, false, std::move(found)};
}

/// All that the command needs, or nothing: checked before anything is taken.
Status MemoryStore::take(const StartAttempt& command) {
  const std::int64_t milli = milli_of(command.resources);
  std::map<std::string, std::int64_t> wanted;
  std::map<NodeId, std::int64_t> members;
  for (const auto& share : command.placement.shares) {
    ++members[share.node];
    for (const std::string& name : share.device_ids) {
      const auto device = devices_.find(name);
      if (device == devices_.end() || device->second.node != share.node ||
          !device->second.in_service)
        return conflict("node " + share.node.str() + " has no " + name + " in service");
      wanted[name] += milli;
      if (device->second.milli + wanted[name] > 1000)
        return conflict("CHECK constraint failed: allocated_milli of " + name);
    }
  }
  for (const auto& [id, count] : members) {
    const auto node = nodes_.find(id);
    if (node == nodes_.end()) return conflict("node " + id.str() + " is not known");
    if (node->second.cpus + count * command.resources.cpus > node->second.record.cpus ||
        node->second.memory_bytes + count * command.resources.memory.count >
            node->second.record.memory_bytes)
      return conflict("node " + id.str() + " is full");
  }
  for (const auto& [name, sum] : wanted) devices_.at(name).milli += sum;
  for (const auto& [id, count] : members) {
    nodes_.at(id).cpus += count * command.resources.cpus;
    nodes_.at(id).memory_bytes += count * command.resources.memory.count;
  }
  return ok();
}

Result<StartedAttempt> MemoryStore::start(const StartAttempt& command) {
  if (command.epoch != epoch_) return conflict("another leads");
  const auto found = jobs_.find(command.job);
  if (found == jobs_.end()) return not_found("there is no job " + command.job.str());
  Job& job = found->second;
  GALLEY_TRY_STATUS(check_move(job.record, JobState::starting));
  GALLEY_TRY_STATUS(take(command));
  Attempt attempt;
  attempt.id = command.attempt;
  attempt.job = command.job;
  attempt.number = ++job.record.attempts;
  attempt.milli = milli_of(command.resources);
  attempt.cpus = command.resources.cpus;
  attempt.memory_bytes = command.resources.memory.count;
  attempt.created = command.at;
  for (const auto& share : command.placement.shares) attempt.members.push_back({share});
  attempts_.emplace(attempt.id, std::move(attempt));
  active_.insert(command.attempt);
  job.last_attempt = command.attempt;
  job.record.state = JobState::starting;
  job.record.reason.clear();
  job.record.started_at = command.at;
  return StartedAttempt{job.record, job.record.attempts};
}

Result<MemoryStore::Attempt*> MemoryStore::active(const AttemptId& id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return not_found("there is no attempt " + id.str());
  if (protocol::is_final(found->second.state))
    return conflict("attempt " + id.str() + " has ended");
  return &found->second;
}

Result<MemoryStore::Member*> MemoryStore::member(Attempt& attempt, std::int64_t rank) {
  if (rank < 0 || static_cast<std::size_t>(rank) >= attempt.members.size())
    return not_found(fmt::format("attempt {} has no member {}", attempt.id.str(), rank));
  Member& found = attempt.members[static_cast<std::size_t>(rank)];
  if (found.ended) return conflict(fmt::format("member {} has ended", rank));
  return &found;
}

Result<RunningMember> MemoryStore::run(const protocol::AttemptReport& report, WallTime at) {
  GALLEY_TRY(Attempt * attempt, active(report.attempt_id));
  GALLEY_TRY(Member * started, member(*attempt, report.rank));
  if (started->running) return conflict("it runs already");
  started->running = true;
  Job& job = jobs_.at(attempt->job);
  RunningMember answer{attempt->job, started->share.node, {}};
  if (!job.record.spec.datasets.empty()) {
    auto& there = contents_[started->share.node];
    there.insert(job.record.spec.datasets.begin(), job.record.spec.datasets.end());
    answer.contents.assign(there.begin(), there.end());
  }
  if (!std::ranges::all_of(attempt->members, [](const Member& m) { return m.running || m.ended; }))
    return answer;
  attempt->state = AttemptState::running;
  if (!may_move(job.record.state, JobState::running)) return answer;
  job.record.state = JobState::running;
  job.record.started_at = report.started_at.value_or(at);
  return answer;
}

void MemoryStore::give(const Attempt& attempt) {
  for (const Member& member : attempt.members) {
    for (const std::string& device : member.share.device_ids)
      devices_.at(device).milli -= attempt.milli;
    Node& node = nodes_.at(member.share.node);
    node.cpus -= attempt.cpus;
    node.memory_bytes -= attempt.memory_bytes;
  }
}

JobState MemoryStore::finish(Attempt& attempt, Job& job, const protocol::AttemptReport& report,
                             WallTime at) {
  attempt.state = attempt.outcome.value_or(AttemptState::succeeded);
  const JobState next = state_after({.job_state = job.record.state,
                                     .attempt_state = attempt.state,
                                     .lost_before = job.lost,
                                     .max_lost = job.record.spec.max_lost});
  GALLEY_CHECK(may_move(job.record.state, next), "an end is a move of the table");
  if (attempt.state == AttemptState::lost) ++job.lost;
  give(attempt);
  active_.erase(attempt.id);
  attempt.finished = report.finished_at.value_or(at);
  std::size_t devices = 0;
  for (const Member& member : attempt.members) devices += member.share.device_ids.size();
  if (devices > 0)
    usage_[{to_ms(attempt.finished) / 3'600'000, job.record.team}] +=
        static_cast<double>(devices) * static_cast<double>(attempt.milli) * 1e-6 *
        static_cast<double>((attempt.finished - attempt.created).count());
  job.record.state = next;
  job.record.reason = reason_of(attempt.decisive, next);
  job.record.exit_code = attempt.decisive.exit_code;
  job.record.finished_at.reset();
  if (protocol::is_final(next)) {
    job.record.finished_at = attempt.finished;
    unfinished_.erase(job.record.seq);
  }
  return next;
}

Result<EndedMember> MemoryStore::end(const protocol::AttemptReport& report, WallTime at) {
  GALLEY_TRY(Attempt * attempt, active(report.attempt_id));
  GALLEY_TRY(Member * ended, member(*attempt, report.rank));
  Job& job = jobs_.at(attempt->job);
  const AttemptState outcome = outcome_of(report, job.record.state, attempt->preemption_asked);
  ended->ended = true;
  if (decides({attempt->outcome, attempt->failed_at}, outcome, report)) {
    attempt->decisive = report;
    attempt->decisive.reason = member_reason(report, outcome, attempt->members.size());
    if (outcome != AttemptState::succeeded) attempt->outcome = outcome;
    if (outcome == AttemptState::failed) attempt->failed_at = report.finished_at;
  }
  EndedMember answer{.job = attempt->job,
                     .attempt = attempt->id,
                     .rank = report.rank,
                     .stop_others = attempt->outcome.has_value()};
  if (!std::ranges::all_of(attempt->members, &Member::ended)) return answer;
  answer.attempt_ended = true;
  answer.job_state = finish(*attempt, job, report, at);
  return answer;
}

Status MemoryStore::preempt(const PreemptAttempt& command) {
  if (command.epoch != epoch_) return conflict("another leads");
  GALLEY_TRY(Attempt * attempt, active(command.attempt));
  Job& job = jobs_.at(attempt->job);
  if (job.record.state == JobState::cancelling) return conflict("it is being cancelled");
  attempt->preemption_asked = true;
  job.record.reason = "makes room: " + command.reason;
  return ok();
}

Result<JobState> MemoryStore::cancel(const CancelJob& command) {
  const auto found = jobs_.find(command.job);
  if (found == jobs_.end()) return not_found("there is no job " + command.job.str());
  protocol::JobRecord& job = found->second.record;
  if (job.state == JobState::cancelling) return job.state;
  if (protocol::is_final(job.state)) return conflict(job.id.str() + " has ended already");
  job.state = job.state == JobState::queued ? JobState::cancelled : JobState::cancelling;
  job.reason = "cancelled by " + command.caller.principal;
  if (protocol::is_final(job.state)) {
    job.finished_at = command.at;
    unfinished_.erase(job.seq);
  }
  return job.state;
}

Status MemoryStore::save_node(const protocol::NodeRecord& node, WallTime) {
  nodes_[node.id].record = node;
  for (const protocol::DeviceRecord& device : node.devices) {
    Device& known = devices_[device.id];
    known.node = node.id;
    known.in_service = device.state == "in_service";
  }
  return ok();
}

Status MemoryStore::add_dataset(const std::string& reference, std::int64_t size_bytes) {
  datasets_[reference] = size_bytes;
  return ok();
}

Result<protocol::JobRecord> MemoryStore::job(const JobId& id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return not_found("there is no job " + id.str());
  return found->second.record;
}

Result<AttemptState> MemoryStore::attempt_state(const AttemptId& id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return not_found("there is no attempt " + id.str());
  return found->second.state;
}

Result<std::vector<HeldDevice>> MemoryStore::held() {
  std::vector<HeldDevice> held;
  for (const AttemptId& id : active_) {
    const Attempt& attempt = attempts_.at(id);
    for (std::size_t rank = 0; rank < attempt.members.size(); ++rank)
      for (const std::string& device : attempt.members[rank].share.device_ids)
        held.push_back({id, static_cast<std::int64_t>(rank), attempt.members[rank].share.node,
                        device, attempt.milli});
  }
  std::ranges::sort(held);
  return held;
}

}  // namespace galley::controller
