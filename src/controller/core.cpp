#include "core.h"

#include <algorithm>

#include "protocol/principal.h"

namespace galley::controller {
namespace {

/// After a write that failed for no fault of the job (disk full, say): long enough not to spin,
/// short enough that nobody notices once space is back.
constexpr Millis kRetryDelay{1'000};

}  // namespace

Effects Core::step(const Event& event, WallTime now) {
  Effects effects;
  std::visit([&](const auto& concrete) { on(concrete, effects, now); }, event);
  decide(effects, now);
  return effects;
}

void Core::apply(const scheduler::ClusterEvent& event) {
  if (outside_.apply(event)) return;
  scheduler_.apply(event);
  ++version_;
}

void Core::on(const Restored& event, Effects&, WallTime) {
  for (const auto& learnt : event.learnt) apply(learnt);
  for (const auto& job : event.queued) apply(scheduler::JobQueued{job});
  for (const auto& attempt : event.active) {
    apply(scheduler::JobPlaced{attempt.request, attempt.placement, attempt.placed_at});
    if (attempt.stopping) apply(scheduler::JobStopping{attempt.job.id});
    active_.emplace(attempt.job.id, attempt);
  }
}

/// A member that was given up stays given up, even if its node comes back before that is stored.
bool Core::runs(const ActiveAttempt& attempt, std::size_t rank) const {
  return !attempt.members[rank].ended &&
         !losing_.contains({attempt.id, static_cast<std::int64_t>(rank)});
}

/// Whether a member of the attempt should be running on the node.
bool Core::expects(const NodeId& node, const AttemptId& attempt) const {
  return std::ranges::any_of(active_, [&](const auto& entry) {
    const ActiveAttempt& known = entry.second;
    if (known.id != attempt) return false;
    for (std::size_t rank = 0; rank < known.members.size(); ++rank)
      if (known.placement.shares[rank].node == node && runs(known, rank)) return true;
    return false;
  });
}

/// A node that attaches, again or for the first time, is sent all that should be running there:
/// what it has already it takes up, what it never heard of it starts.
void Core::on(const NodeAttached& event, Effects& effects, WallTime) {
  const NodeId& node = event.offer.id;
  bool strays = false;
  for (const AttemptId& attempt : event.held) {
    if (expects(node, attempt)) continue;
    strays = true;
    effects.messages.emplace_back(SendCancel{node, attempt});
  }
  attached_.insert(node);
  if (!strays) {
    up_[node] = event.offer;
    apply(scheduler::NodeUp{event.offer});
  } else if (up_.erase(node) > 0) {
    apply(scheduler::NodeDown{node});
  }
  for (const auto& [job, attempt] : active_)
    for (std::size_t rank = 0; rank < attempt.members.size(); ++rank) {
      if (attempt.placement.shares[rank].node != node || !runs(attempt, rank)) continue;
      send_assign(attempt, rank, effects);
      if (attempt.stopping) effects.messages.emplace_back(SendCancel{node, attempt.id});
    }
}

void Core::on(const NodeChanged& event, Effects&, WallTime) {
  const auto known = up_.find(event.offer.id);
  if (known == up_.end()) return;  // attaching says it all
  known->second = event.offer;
  apply(scheduler::NodeUp{event.offer});
}

void Core::on(const NodeLost& event, Effects& effects, WallTime) {
  attached_.erase(event.node);
  if (up_.erase(event.node) > 0) apply(scheduler::NodeDown{event.node});
  for (const auto& [job, attempt] : active_)
    if (event.for_good || !attempt.request.goes_outside) lose(attempt, event.node, effects);
}

/// An end by our hand that nobody asked for counts as a loss. Until the agents have told of it,
/// what the jobs hold is held: their other GPUs still work.
void Core::on(const DevicesFailed& event, Effects& effects, WallTime) {
  for (auto& [job, attempt] : active_) {
    if (attempt.stopping) continue;
    const bool hit = std::ranges::any_of(attempt.placement.shares, [&](const auto& share) {
      if (share.node != event.node) return false;
      if (event.devices.empty()) return !share.device_ids.empty();
      return std::ranges::any_of(share.device_ids, [&](const std::string& device) {
        return std::ranges::find(event.devices, device) != event.devices.end();
      });
    });
    if (!hit) continue;
    attempt.stopping = true;
    apply(scheduler::JobStopping{job});
    stop_members(attempt, effects);
  }
}

Core::Use Core::use_of(const NodeId& node) const {
  Use use;
  const auto add = [&](const scheduler::Placement& placement) {
    for (const auto& share : placement.shares) {
      if (share.node != node) continue;
      use.any = true;
      use.devices.insert(use.devices.end(), share.device_ids.begin(), share.device_ids.end());
    }
  };
  for (const auto& [job, pending] : pending_) add(pending.placement);
  for (const auto& [job, attempt] : active_) add(attempt.placement);
  return use;
}

/// The members on that node are lost: to be stored.
void Core::lose(const ActiveAttempt& attempt, const NodeId& node, Effects& effects) {
  for (std::size_t rank = 0; rank < attempt.members.size(); ++rank) {
    if (attempt.placement.shares[rank].node != node || !runs(attempt, rank)) continue;
    losing_.emplace(attempt.id, static_cast<std::int64_t>(rank));
    protocol::AttemptReport loss;
    loss.attempt_id = attempt.id;
    loss.rank = static_cast<std::int64_t>(rank);
    loss.state = protocol::AttemptState::lost;
    loss.reason = "node " + node.str() + " was lost";
    effects.losses.push_back(std::move(loss));
  }
}

void Core::on(const LossRefused& event, Effects&, WallTime now) {
  if (event.error.code == Errc::conflict || event.error.code == Errc::not_found) {
    losing_.erase({event.loss.attempt_id, event.loss.rank});  // it has ended another way
    return;
  }
  losses_again_.push_back(event.loss);
  retry_at_ = now + kRetryDelay;
}

void Core::on(const JobAccepted& event, Effects&, WallTime) {
  apply(scheduler::JobQueued{event.job});
}

void Core::on(const StartStored& event, Effects& effects, WallTime now) {
  const auto found = pending_.find(event.job);
  if (found == pending_.end()) return;
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  if (event.outcome) {
    ActiveAttempt attempt;
    attempt.id = pending.attempt;
    attempt.number = event.outcome->number;
    attempt.job = event.outcome->job;
    attempt.request = pending.job;
    attempt.placement = pending.placement;
    attempt.placed_at = pending.at;
    attempt.members.resize(pending.placement.shares.size());
    const auto& stored = active_.insert_or_assign(event.job, std::move(attempt)).first->second;
    for (std::size_t rank = 0; rank < stored.members.size(); ++rank) {
      const NodeId& node = stored.placement.shares[rank].node;
      // The node may have been given up while the start was on its way to the store.
      if (attached_.contains(node))
        send_assign(stored, rank, effects);
      else if (!stored.request.goes_outside)
        lose(stored, node, effects);
    }
    if (pending.preemption) preempt(*pending.preemption, effects, now);
    return;
  }
  apply(scheduler::JobGone{event.job, now});
  // We hear of commits in their order: a cancellation that made the store refuse has come before.
  // Whatever else it is (a full disk, a node that shrank) will pass, and the job must not be lost.
  if (pending.cancelled) return;
  apply(scheduler::JobQueued{pending.job});
  retry_at_ = now + kRetryDelay;
}

void Core::on(const PreemptionStored& event, Effects& effects, WallTime now) {
  const auto found = active_.find(event.command.job);
  if (found == active_.end() || found->second.id != event.command.attempt) return;
  if (event.outcome) {
    found->second.stopping = true;
    stop_members(found->second, effects);
  } else if (event.outcome.error().code != Errc::conflict) {
    preemptions_again_.push_back(event.command);
    retry_at_ = now + kRetryDelay;
  }
  // A conflict: it has ended or is being cancelled, so its place becomes free anyway.
}

void Core::on(const MemberRuns& event, Effects&, WallTime) {
  const auto found = active_.find(event.member.job);
  if (found != active_.end() && found->second.id == event.attempt)
    found->second.members[static_cast<std::size_t>(event.rank)].running = true;
  if (!event.member.contents.empty())
    apply(scheduler::ContentsSeen{event.member.node, event.member.contents});
}

void Core::on(const MemberEnded& event, Effects& effects, WallTime now) {
  losing_.erase({event.end.attempt, event.end.rank});
  const auto found = active_.find(event.end.job);
  if (found == active_.end() || found->second.id != event.end.attempt) return;
  ActiveAttempt& attempt = found->second;
  if (!event.end.attempt_ended) {
    attempt.members[static_cast<std::size_t>(event.end.rank)].ended = true;
    if (!event.end.stop_others || attempt.stopping) return;
    attempt.stopping = true;
    apply(scheduler::JobStopping{attempt.job.id});
    stop_members(attempt, effects);
    return;
  }
  scheduler::QueuedJob request = std::move(attempt.request);
  active_.erase(found);
  apply(scheduler::JobGone{request.id, now});
  if (event.end.job_state == protocol::JobState::queued)
    apply(scheduler::JobQueued{std::move(request)});
}

void Core::on(const JobCancelled& event, Effects& effects, WallTime now) {
  if (protocol::is_final(event.state)) {
    // A start that is on its way to the store will be refused there and then gives back its place.
    const auto pending = pending_.find(event.job);
    if (pending != pending_.end())
      pending->second.cancelled = true;
    else
      apply(scheduler::JobGone{event.job, now});
    return;
  }
  const auto found = active_.find(event.job);
  if (found == active_.end()) return;
  found->second.stopping = true;
  apply(scheduler::JobStopping{event.job});
  stop_members(found->second, effects);
}

void Core::on(const Expected& event, Effects&, WallTime) {
  for (const auto& one : event.runtimes) {
    // It may come back to the queue.
    if (const auto found = active_.find(one.job); found != active_.end())
      found->second.request.runtime = one.runtime;
    if (const auto found = pending_.find(one.job); found != pending_.end())
      found->second.job.runtime = one.runtime;
    apply(one);
  }
  for (const auto& one : event.ends) apply(one);
}

void Core::on(const Learnt& event, Effects&, WallTime) { apply(event.event); }

void Core::on(const TimerFired&, Effects&, WallTime) {}

void Core::stop_members(const ActiveAttempt& attempt, Effects& effects) const {
  for (std::size_t rank = 0; rank < attempt.members.size(); ++rank)
    if (!attempt.members[rank].ended)
      effects.messages.emplace_back(SendCancel{attempt.placement.shares[rank].node, attempt.id});
}

void Core::send_assign(const ActiveAttempt& attempt, std::size_t rank, Effects& effects) const {
  protocol::Assignment assignment{.epoch = epoch_,
                                  .attempt_id = attempt.id,
                                  .attempt_number = attempt.number,
                                  .job_id = attempt.job.id,
                                  .run_id = attempt.job.run_id,
                                  .device_ids = attempt.placement.shares[rank].device_ids,
                                  .spec = attempt.job.spec,
                                  .rank = static_cast<std::int64_t>(rank),
                                  .node_ids = {}};
  if (protocol::is_user(attempt.job.principal)) assignment.user = attempt.job.principal;
  if (attempt.members.size() > 1)
    for (const auto& share : attempt.placement.shares) assignment.node_ids.push_back(share.node);
  effects.messages.emplace_back(
      SendAssign{attempt.placement.shares[rank].node,
                 AgentPort::Assign{.assignment = std::move(assignment),
                                   .expected_running = attempt.members[rank].running,
                                   .progress_offset = attempt.members[rank].progress_offset}});
}

/// Its end becomes visible when it is stored; the scheduler counts on it from now on.
void Core::preempt(const scheduler::Preemption& preemption, Effects& effects, WallTime now) {
  apply(scheduler::JobStopping{preemption.victim});
  if (const auto pending = pending_.find(preemption.victim); pending != pending_.end()) {
    pending->second.preemption = preemption;
    return;
  }
  const auto found = active_.find(preemption.victim);
  if (found == active_.end() || found->second.stopping) return;
  effects.preemptions.push_back({.epoch = epoch_,
                                 .job = preemption.victim,
                                 .attempt = found->second.id,
                                 .beneficiary = preemption.beneficiary,
                                 .reason = preemption.reason,
                                 .at = now});
}

void Core::decide(Effects& effects, WallTime now) {
  if (retry_at_ && now < *retry_at_) {
    effects.wake_at = retry_at_;
    return;
  }
  retry_at_.reset();
  for (PreemptAttempt& command : preemptions_again_) {
    const auto found = active_.find(command.job);
    if (found != active_.end() && found->second.id == command.attempt)
      effects.preemptions.push_back(std::move(command));
  }
  preemptions_again_.clear();
  for (protocol::AttemptReport& loss : losses_again_) effects.losses.push_back(loss);
  losses_again_.clear();
  const scheduler::Plan plan = scheduler_.decide(now);
  for (const scheduler::Start& start : plan.starts) {
    const scheduler::QueuedJob job = *scheduler_.find(start.job);
    begin(job,
          {.resources = job.resources,
           .placement = start.placement,
           .standing = start.standing,
           .terms = start.terms},
          effects, now);
  }
  // What the batch system gives them is its own: they hold nothing here.
  for (const OutsideQueue::Start& start : outside_.decide(now))
    begin(start.job, {.resources = {.cpus = 0}, .placement = {{{start.door, {}}}}}, effects, now);
  for (const scheduler::Preemption& preemption : plan.preemptions)
    preempt(preemption, effects, now);
  effects.wake_at = plan.wake_at;
  const auto outside_at = outside_.wake_at(now);
  if (outside_at && (!effects.wake_at || *outside_at < *effects.wake_at))
    effects.wake_at = outside_at;
}

/// Holds the place from now on, and asks for it to be stored.
void Core::begin(const scheduler::QueuedJob& job, StartAttempt start, Effects& effects,
                 WallTime now) {
  start.epoch = epoch_;
  start.job = job.id;
  start.attempt = ids_.next<AttemptTag>();
  start.at = now;
  apply(scheduler::JobPlaced{job, start.placement, now});
  pending_.emplace(job.id, Pending{job, start.placement, start.attempt, now, false, std::nullopt});
  effects.starts.push_back(std::move(start));
}

}  // namespace galley::controller
