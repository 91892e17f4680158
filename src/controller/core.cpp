#include "core.h"

namespace galley::controller {
namespace {

/// After a write that failed for no fault of the job (disk full, say): long enough not to spin,
/// short enough that nobody notices once space is back.
constexpr Millis kRetryDelay{1'000};

}  // namespace

scheduler::QueuedJob queued_job(const protocol::JobRecord& job) {
  return {job.id, job.seq, job.priority_class, job.spec.resources, job.spec.start_at};
}

scheduler::NodeOffer offer_of(const protocol::NodeRecord& node) {
  scheduler::NodeOffer offer{node.id, node.cpus, node.memory_bytes, {}};
  for (const protocol::DeviceRecord& device : node.devices)
    if (device.state == "in_service") offer.devices.push_back({device.id, device.model});
  return offer;
}

Effects Core::step(const Event& event, WallTime now) {
  Effects effects;
  std::visit([&](const auto& concrete) { on(concrete, effects, now); }, event);
  decide(effects, now);
  return effects;
}

void Core::on(const Restored& event, Effects&, WallTime) {
  for (const auto& job : event.queued) scheduler_.apply(scheduler::JobQueued{job});
  for (const auto& attempt : event.active) {
    scheduler_.apply(scheduler::JobPlaced{queued_job(attempt.job), attempt.placement});
    active_.emplace(attempt.job.id, attempt);
  }
}

/// A node that attaches, again or for the first time, is sent all that should be running there:
/// what it has already it takes up, what it never heard of it starts.
void Core::on(const NodeAttached& event, Effects& effects, WallTime) {
  scheduler_.apply(scheduler::NodeUp{event.offer});
  for (const auto& [job, attempt] : active_) {
    if (attempt.placement.node != event.offer.id) continue;
    send_assign(attempt, effects);
    if (attempt.cancelling) effects.messages.emplace_back(SendCancel{event.offer.id, attempt.id});
  }
}

void Core::on(const NodeChanged& event, Effects&, WallTime) {
  scheduler_.apply(scheduler::NodeUp{event.offer});
}

void Core::on(const JobAccepted& event, Effects&, WallTime) {
  scheduler_.apply(scheduler::JobQueued{event.job});
}

void Core::on(const StartStored& event, Effects& effects, WallTime now) {
  const auto found = pending_.find(event.job);
  if (found == pending_.end()) return;
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  if (event.outcome) {
    const ActiveAttempt attempt{pending.attempt, event.outcome->number, event.outcome->job,
                                pending.placement};
    active_.insert_or_assign(event.job, attempt);
    send_assign(attempt, effects);
    return;
  }
  scheduler_.apply(scheduler::JobGone{event.job});
  // We hear of commits in their order: a cancellation that made the store refuse has come before.
  // Whatever else it is (a full disk, a node that shrank) will pass, and the job must not be lost.
  if (pending.cancelled) return;
  scheduler_.apply(scheduler::JobQueued{pending.job});
  retry_at_ = now + kRetryDelay;
}

void Core::on(const AttemptRuns& event, Effects&, WallTime) {
  const auto found = active_.find(event.job);
  if (found != active_.end() && found->second.id == event.attempt) found->second.running = true;
}

void Core::on(const AttemptEnded& event, Effects&, WallTime) {
  const auto found = active_.find(event.end.job);
  if (found == active_.end()) return;
  const protocol::JobRecord job = std::move(found->second.job);
  active_.erase(found);
  scheduler_.apply(scheduler::JobGone{job.id});
  if (event.end.job_state == protocol::JobState::queued)
    scheduler_.apply(scheduler::JobQueued{queued_job(job)});
}

void Core::on(const JobCancelled& event, Effects& effects, WallTime) {
  if (protocol::is_final(event.state)) {
    // A start that is on its way to the store will be refused there and then gives back its place.
    const auto pending = pending_.find(event.job);
    if (pending != pending_.end())
      pending->second.cancelled = true;
    else
      scheduler_.apply(scheduler::JobGone{event.job});
    return;
  }
  const auto found = active_.find(event.job);
  if (found == active_.end()) return;
  found->second.cancelling = true;
  effects.messages.emplace_back(SendCancel{found->second.placement.node, found->second.id});
}

void Core::on(const TimerFired&, Effects&, WallTime) {}

void Core::send_assign(const ActiveAttempt& attempt, Effects& effects) const {
  effects.messages.emplace_back(
      SendAssign{attempt.placement.node,
                 AgentPort::Assign{.assignment = {.epoch = epoch_,
                                                  .attempt_id = attempt.id,
                                                  .attempt_number = attempt.number,
                                                  .job_id = attempt.job.id,
                                                  .run_id = attempt.job.run_id,
                                                  .device_ids = attempt.placement.device_ids,
                                                  .spec = attempt.job.spec},
                                   .expected_running = attempt.running,
                                   .progress_offset = attempt.progress_offset}});
}

void Core::decide(Effects& effects, WallTime now) {
  if (retry_at_ && now < *retry_at_) {
    effects.wake_at = retry_at_;
    return;
  }
  retry_at_.reset();
  const scheduler::Plan plan = scheduler_.decide(now);
  for (const scheduler::Start& start : plan.starts) {
    const scheduler::QueuedJob job = *scheduler_.find(start.job);
    const AttemptId attempt = ids_.next<AttemptTag>();
    scheduler_.apply(scheduler::JobPlaced{job, start.placement});
    pending_.emplace(job.id, Pending{job, start.placement, attempt});
    effects.starts.push_back({.epoch = epoch_,
                              .job = job.id,
                              .attempt = attempt,
                              .resources = job.resources,
                              .placement = start.placement,
                              .at = now});
  }
  effects.wake_at = plan.wake_at;
}

}  // namespace galley::controller
