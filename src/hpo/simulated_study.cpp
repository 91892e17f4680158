#include "hpo/simulated_study.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace galley::hpo {

SimulatedStudy::SimulatedStudy(Study& study, TrialWorld& world, SimulationOptions options)
    : study_(study), world_(world), options_(options), rng_(options.seed, 3) {}

void SimulatedStudy::tell(Event event) {
  event.at_s = std::max(event.at_s, now_s_);
  advance(event.at_s);
  apply(event);
}

void SimulatedStudy::advance(double at_s) {
  use_.busy_s += (at_s - now_s_) * static_cast<double>(running_.size());
  now_s_ = at_s;
}

void SimulatedStudy::apply(const Event& event) {
  const auto actions = study_.apply(event);
  if (seen_) seen_(event, actions);
  for (const auto& action : actions) carry_out(action);
}

void SimulatedStudy::schedule(double in_s, TrialNumber trial, Due due) {
  due_.push({now_s_ + in_s, sequence_++, trial, running_.at(trial).ticket, due});
}

void SimulatedStudy::carry_out(const Action& action) {
  using Kind = Action::Kind;
  switch (action.kind) {
    case Kind::create:
    case Kind::revive:
    case Kind::exploit: {
      if (action.kind == Kind::revive) ++use_.revivals;
      auto& attempt = running_[action.trial];
      attempt = {
          .number = action.attempt, .ticket = ++tickets_, .began_s = now_s_, .saved_s = now_s_};
      world_.start(action.trial, action.point, action.run_seed, action.checkpoint);
      schedule(options_.startup_s, action.trial, Due::begin);
      return;
    }
    case Kind::pause:
    case Kind::stop: {
      const auto found = running_.find(action.trial);
      if (found == running_.end()) return;  // of the stop pool: only its checkpoint goes
      auto& attempt = found->second;
      attempt.ticket = ++tickets_;
      attempt.leave_from_s = now_s_;
      // At a report the weights have just been saved; in a step they are saved now, and what was
      // done of the step is kept only by trainers that can save within one. Ours cannot.
      use_.lost_s += now_s_ - attempt.saved_s;
      schedule(options_.leave_s + options_.leave_spread_s * rng_.uniform(), action.trial,
               Due::leave);
      return;
    }
    case Kind::proceed:
    case Kind::finish:
      return;
  }
}

bool SimulatedStudy::run_until(double at_s) {
  while (!due_.empty() && due_.top().at_s <= at_s) {
    const Entry entry = due_.top();
    due_.pop();
    const auto found = running_.find(entry.trial);
    if (found == running_.end() || found->second.ticket != entry.ticket) continue;
    advance(entry.at_s);
    if (!happen(entry)) return true;
  }
  if (std::isfinite(at_s)) advance(std::max(now_s_, at_s));
  return !due_.empty();
}

bool SimulatedStudy::happen(const Entry& entry) {
  auto& attempt = running_.at(entry.trial);
  const TrialNumber trial = entry.trial;
  switch (entry.due) {
    case Due::begin: {
      apply({.kind = Event::Kind::started,
             .at_s = now_s_,
             .trial = trial,
             .attempt = attempt.number});
      if (attempt.number > 1) use_.lost_s += now_s_ - attempt.began_s;
      attempt.saved_s = now_s_;
      attempt.step = world_.next(trial);
      if (options_.preempt_mean_s > 0)
        schedule(-options_.preempt_mean_s * std::log(1 - rng_.uniform()), trial, Due::preempt);
      schedule(attempt.step.seconds, trial, Due::step);
      return true;
    }
    case Due::step:
      return step_ends(trial, attempt);
    case Due::preempt:
    case Due::leave: {
      const bool ordered = entry.due == Due::leave;
      if (ordered) {
        use_.leave_s.push_back(now_s_ - attempt.leave_from_s);
      } else {
        use_.lost_s += now_s_ - attempt.saved_s;
        ++use_.preemptions;
      }
      const Event event{.kind = ordered ? Event::Kind::released : Event::Kind::preempted,
                        .at_s = now_s_,
                        .trial = trial,
                        .attempt = attempt.number};
      running_.erase(trial);
      apply(event);
      if (freed_) freed_(now_s_);
      return true;
    }
  }
  return true;
}

bool SimulatedStudy::step_ends(TrialNumber trial, Attempt& attempt) {
  using Kind = TrialWorld::Step::Kind;
  const auto step = attempt.step;
  const std::int32_t number = attempt.number;
  const std::int32_t ticket = attempt.ticket;
  if (step.kind == Kind::failure) {
    running_.erase(trial);
    apply({.kind = Event::Kind::failed,
           .at_s = now_s_,
           .trial = trial,
           .attempt = number,
           .text = "its loss is not a number"});
    if (freed_) freed_(now_s_);
    return true;
  }
  use_.trained_s += step.seconds;
  attempt.saved_s = now_s_;
  if (watch_ && !watch_(now_s_, trial, step)) return false;
  apply({.kind = Event::Kind::checkpointed,
         .at_s = now_s_,
         .trial = trial,
         .attempt = number,
         .resource = step.resource,
         .text = world_.checkpoint(trial)});
  apply({.kind = Event::Kind::reported,
         .at_s = now_s_,
         .trial = trial,
         .attempt = number,
         .resource = step.resource,
         .objectives = step.objectives});
  // The study may have told it to go, or to go on from another's weights.
  const auto found = running_.find(trial);
  if (found == running_.end() || found->second.ticket != ticket) return true;
  if (step.kind == Kind::last_report) {
    running_.erase(found);
    apply({.kind = Event::Kind::finished, .at_s = now_s_, .trial = trial, .attempt = number});
    if (freed_) freed_(now_s_);
    return true;
  }
  found->second.step = world_.next(trial);
  schedule(options_.checkpoint_s + found->second.step.seconds, trial, Due::step);
  return true;
}

}  // namespace galley::hpo
