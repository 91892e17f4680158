// The shell of the leader as the controller's is: one queue of events, one of writes in order.
#include "world.h"

namespace galley::world {

using controller::Effects;
using controller::Event;

namespace {

/// Short, so that ages, decay and protection all matter within one world.
scheduler::Options options() {
  scheduler::Options options;
  options.usage_half_life = std::chrono::hours(1);
  options.age_limit = std::chrono::minutes(20);
  options.minimum_runtime = std::chrono::minutes(1);
  return options;
}

}  // namespace

void World::crash() {
  core_.reset();
  writes_.clear();
  events_.clear();
  ports_.clear();
  heard_.clear();
  wake_at_.reset();
}

void World::restart() {
  const auto epoch = store_.lead();
  auto restored = store_.restore(clock_.wall());
  if (!epoch || !restored) return checker_.fail("a new leader cannot read the store");
  core_ = std::make_unique<controller::Core>(*epoch, ids_, options());
  checker_.restored(*restored, clock_.wall());
  for (const NodeId& node : nodes_)
    if (agents_.at(node).alive()) wants_attach_.insert(node);
  events_.emplace_back(*std::move(restored));
  hear_next();
}

/// What a full disk answers, to some.
std::optional<Error> World::refusal() {
  if (!disk_full_ || !dice_.percent(70)) return std::nullopt;
  checker_.disturbed();
  return Error{Errc::exhausted, "the disk is full"};
}

void World::write_next() {
  const auto write = std::move(writes_.front());
  writes_.pop_front();
  write();
}

void World::hear_next() {
  Event event = std::move(events_.front());
  events_.pop_front();
  const WallTime now = clock_.wall();
  checker_.told(event, now);
  // Something that should not be there has to stop first; then the agent tries again.
  if (const auto* attached = std::get_if<controller::NodeAttached>(&event)) {
    heard_[attached->offer.id] = attached->session;
    if (!checker_.offers().contains(attached->offer.id)) wants_attach_.insert(attached->offer.id);
  }
  if (mutation_ != nullptr) mutation_->hear(event);
  Effects effects = core_->step(event, now);
  if (mutation_ != nullptr) mutation_->want(effects);
  checker_.decided(effects, *core_, now);
  wake_at_ = effects.wake_at;
  carry_out(effects);
}

void World::carry_out(const Effects& effects) {
  for (const auto& start : effects.starts) store_start(start);
  for (const auto& preemption : effects.preemptions) store_preemption(preemption);
  for (const auto& loss : effects.losses) store_loss(loss);
  for (const auto& message : effects.messages) {
    const NodeId& node = std::visit([](const auto& m) -> const NodeId& { return m.node; }, message);
    const auto port = ports_.find(node);
    if (port == ports_.end() || port->second.session != heard_[node]) continue;
    network_.push_back({[this, message, node, session = port->second.session] {
                          SimAgent& agent = agents_.at(node);
                          if (const auto* assign = std::get_if<controller::SendAssign>(&message)) {
                            const MemberKey key{assign->assign.assignment.attempt_id,
                                                assign->assign.assignment.rank};
                            const bool ran = agent.processes().contains(key);
                            agent.assign(session, assign->assign, dice_);
                            if (!ran && agent.processes().contains(key)) checker_.began(agent, key);
                          } else {
                            agent.cancel(session,
                                         std::get<controller::SendCancel>(message).attempt);
                          }
                        },
                        node});
  }
}

void World::store_start(const controller::StartAttempt& start) {
  writes_.emplace_back([this, start] {
    if (auto refused = refusal()) {
      events_.emplace_back(controller::StartStored{start.job, *std::move(refused)});
      return;
    }
    auto answer = store_.start(start);
    checker_.start_answered(start, answer ? nullptr : &answer.error());
    if (answer) checker_.moved(start.job, protocol::JobState::starting);
    events_.emplace_back(controller::StartStored{start.job, std::move(answer)});
  });
}

void World::store_preemption(const controller::PreemptAttempt& preemption) {
  writes_.emplace_back([this, preemption] {
    auto refused = refusal();
    events_.emplace_back(controller::PreemptionStored{
        preemption, refused ? Status(*std::move(refused)) : store_.preempt(preemption)});
  });
}

void World::store_loss(const protocol::AttemptReport& loss) {
  writes_.emplace_back([this, loss] {
    auto refused = refusal();
    auto answer = refused ? Result<controller::EndedMember>(*std::move(refused))
                          : store_.end(loss, clock_.wall());
    if (!answer) {
      events_.emplace_back(controller::LossRefused{loss, std::move(answer).error()});
      return;
    }
    if (answer->attempt_ended) checker_.moved(answer->job, answer->job_state);
    events_.emplace_back(controller::MemberEnded{*std::move(answer)});
  });
}

/// An agent's report. Without an acknowledgement it will come again.
void World::store_report(const NodeId& node, std::int64_t boot,
                         const protocol::AttemptReport& report) {
  writes_.emplace_back([this, node, boot, report] {
    // What a machine sent before it died must not count after its return: the same attempt may run
    // there again.
    const auto port = ports_.find(node);
    if (port != ports_.end() && port->second.boot != boot) return;
    if (refusal()) return;
    const WallTime now = clock_.wall();
    if (report.state == protocol::AttemptState::running) {
      const auto answer = store_.run(report, now);
      if (answer)
        events_.emplace_back(controller::MemberRuns{report.attempt_id, report.rank, *answer});
    } else if (const auto answer = store_.end(report, now)) {
      if (answer->attempt_ended) checker_.moved(answer->job, answer->job_state);
      events_.emplace_back(controller::MemberEnded{*answer});
    }
    // Stored, or known already: either way the agent may forget it.
    network_.push_back({[this, node, boot, report] {
                          SimAgent& agent = agents_.at(node);
                          if (agent.alive() && agent.boot() == boot) agent.acknowledge(report);
                        },
                        std::nullopt});
  });
}

/// Nothing is on its way between core and store.
void World::look_closely() {
  constexpr int kCompareEvery = 8;
  constexpr int kProbeEvery = 64;
  ++calls_;
  if (healthy()) checker_.place_is_made(*core_, clock_.wall());
  if (calls_ % kCompareEvery == 0) checker_.agree(store_, *core_, clock_.wall());
  if (calls_ % kProbeEvery == 0) checker_.nothing_lost(*core_, clock_.wall());
  if (checker_.holds_nothing() && healthy()) checker_.cells_merged(*core_, clock_.wall());
}

}  // namespace galley::world
