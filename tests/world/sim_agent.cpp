#include "sim_agent.h"

#include "commands.h"

namespace galley::world {

using protocol::AttemptState;

void SimAgent::die() {
  alive_ = false;
  processes_.clear();
  seen_.clear();
  cancelled_.clear();
  unsent_.clear();
}

void SimAgent::come_back() {
  alive_ = true;
  ++boot_;
  ++session_;  // what is still on its way was meant for the machine that died
}

std::vector<AttemptId> SimAgent::attach() {
  ++session_;
  std::vector<AttemptId> held;
  for (const auto& [key, process] : processes_) held.push_back(key.attempt);
  return held;
}

void SimAgent::tell(const MemberKey& key, protocol::AttemptReport report) {
  report.attempt_id = key.attempt;
  report.rank = key.rank;
  unsent_[key].push_back(std::move(report));
}

void SimAgent::assign(std::int64_t session, const controller::AgentPort::Assign& assign,
                      Dice& dice) {
  const protocol::Assignment& assignment = assign.assignment;
  if (!alive_ || session != session_ || assignment.epoch < epoch_) return;
  epoch_ = assignment.epoch;
  const MemberKey key{assignment.attempt_id, assignment.rank};
  if (!seen_.insert(key).second) return;
  if (assign.expected_running)
    return tell(key, {.state = AttemptState::lost, .reason = "the machine died"});
  if (cancelled_.contains(key.attempt))
    return tell(key, {.state = AttemptState::cancelled, .reason = "cancelled before it started"});
  if (dice.percent(3))
    return tell(key,
                {.state = AttemptState::failed, .reason = "no such program", .exit_code = 127});
  processes_[key] = {assignment.job_id, assignment.device_ids,
                     controller::milli_of(assignment.spec.resources)};
  tell(key, {.state = AttemptState::running});
}

void SimAgent::cancel(std::int64_t session, const AttemptId& attempt) {
  if (!alive_ || session != session_) return;
  cancelled_.insert(attempt);
  for (auto& [key, process] : processes_)
    if (key.attempt == attempt) process.stopping = true;
}

void SimAgent::end(MemberKey key, protocol::AttemptReport report) {
  processes_.erase(key);
  tell(key, std::move(report));
}

const protocol::AttemptReport& SimAgent::next_report(Dice& dice) const {
  auto chosen = unsent_.begin();
  std::advance(chosen, dice.below(unsent_.size()));
  return chosen->second.front();
}

void SimAgent::acknowledge(const protocol::AttemptReport& report) {
  const auto found = unsent_.find({report.attempt_id, report.rank});
  if (found == unsent_.end() || found->second.front().state != report.state) return;
  found->second.pop_front();
  if (found->second.empty()) unsent_.erase(found);
}

}  // namespace galley::world
