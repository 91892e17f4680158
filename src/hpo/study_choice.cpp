// What of a study runs next: promotions, revivals, new trials, and who makes room.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "hpo/study.h"

namespace galley::hpo {
namespace {

/// Below this chance to beat the best, a stopped trial is not worth a GPU that would else idle.
constexpr double kWorthChance = 0.02;
/// Of each rung so many of the best are weighed: the others have less to hope for, and to cost less
/// than all of these would have to be much shorter.
constexpr std::size_t kWeighed = 16;

}  // namespace

Prospects Study::prospects() const {
  std::vector<Prospects::Known> known;
  std::size_t count = 0;
  for (std::size_t mark = 0; mark < ladder_->marks().size(); ++mark) {
    const auto& resting = ladder_->resting(mark);
    count += resting.size();
    // Within a rung the order of losses is that of scores: the two best decide.
    std::size_t taken = 0;
    std::size_t seen = 0;
    for (auto it = resting.begin(); it != resting.end() && taken < 2 && seen < kWeighed; ++it) {
      ++seen;
      if (at(it->trial).state == TrialState::dead) continue;
      known.push_back({it->trial, *ladder_->score(it->trial), ladder_->marks()[mark]});
      ++taken;
    }
  }
  return Prospects(known, count);
}

Prospect Study::prospect_of(const Trial& trial, const Prospects& hopes) const {
  const auto mark = ladder_->last_mark(trial.number);
  return mark ? hopes.of(trial.number, *ladder_->score(trial.number), ladder_->marks()[*mark])
              : hopes.of_new();
}

double Study::budget_cost(const Trial& trial) const {
  if (cost_)
    if (const auto known = cost_(trial.point)) return std::max(1e-9, *known);
  const double seconds = trial.seconds_per_resource > 0 ? trial.seconds_per_resource
                         : seconds_per_resource_ > 0    ? seconds_per_resource_
                                                        : 1;
  return std::max(1e-9, seconds * trial.budget * gpus_of_trial());
}

double Study::gain_rate(const Trial& trial, const Prospects& hopes) const {
  const double left = 1 - std::min(1.0, trial.resource / trial.budget);
  return prospect_of(trial, hopes).gain / (budget_cost(trial) * left + 1e-9);
}

void Study::start_attempt(Trial& trial, Action action) {
  if (!trial.is_live()) {
    stop_pool_.leave(trial, *ladder_);
    ++used_;
    live_.push_back(trial.number);
  }
  trial.state = TrialState::waiting;
  ++trial.attempt;
  trial.is_interrupted = false;
  trial.goes_dead = false;
  end_running(trial);
  action.trial = trial.number;
  action.attempt = trial.attempt;
  action.run_seed = trial.run_seed;
  if (trial.next) {
    action.kind = Action::Kind::exploit;
    action.from = trial.next->parent;
    action.checkpoint = trial.next_checkpoint;
    trial.next->attempt = trial.attempt;
    trial.point = trial.next->point;
    trial.branch_attempt = trial.attempt;
    trial.resource = trial.next->from_resource;
    // Until it writes its own, it begins again from the one that it was given.
    trial.checkpoint = {trial.next_checkpoint, trial.resource, now_s_, trial.attempt, true};
    trial.segments.push_back(*std::exchange(trial.next, std::nullopt));
  } else {
    action.kind = Action::Kind::revive;
    action.checkpoint = trial.checkpoint.name;
  }
  action.point = trial.point;
  trial.attempt_from = trial.checkpoint.resource;
  trial.why = action.why;
  actions_.push_back(std::move(action));
}

void Study::create_trial(Point point, std::int64_t run_seed, TrialNumber repeat_of,
                         std::string why) {
  Trial trial;
  trial.number = static_cast<TrialNumber>(trials_.size());
  trial.budget = budget_of(point);
  trial.point = std::move(point);
  trial.run_seed = run_seed;
  trial.repeat_of = repeat_of;
  trial.attempt_began_s = -1;
  trial.why = why;
  trial.segments.push_back({1, trial.point, 0, -1, 0});
  ++used_;
  live_.push_back(trial.number);
  if (repeat_of < 0) {
    ++created_;
    pace_->begin(trial.number, trial.point);
  } else {
    ++open_repetitions_;
  }
  actions_.push_back({.kind = Action::Kind::create,
                      .trial = trial.number,
                      .attempt = 1,
                      .point = trial.point,
                      .run_seed = run_seed,
                      .why = std::move(why)});
  trials_.push_back(std::move(trial));
}

bool Study::may_create() const {
  return is_searching_ && sampler_->has_more() &&
         (!spec_.termination.max_sessions || created_ < *spec_.termination.max_sessions);
}

bool Study::revive_one() {
  // First what was interrupted through no fault of its own; members of a population in turn.
  const auto& interrupted = stop_pool_.interrupted();
  if (!interrupted.empty() && (!pace_->takes_turns() || !is_searching_)) {
    const Prospects hopes = prospects();
    const TrialNumber best = *std::ranges::max_element(
        interrupted, {}, [&](TrialNumber number) { return gain_rate(at(number), hopes); });
    start_attempt(at(best), {.why = "it was interrupted, and of those has the best expected gain "
                                    "per GPU-second"});
    return true;
  }
  if (!is_searching_ || stop_pool_.searching().empty()) return false;
  // Members that are not yet begun come before second turns.
  if (pace_->takes_turns() && may_create() && pace_->wants_trial()) return false;
  if (const auto promotion = pace_->promote(stop_pool_.searching())) {
    start_attempt(at(promotion->trial), {.why = promotion->why});
    return true;
  }
  return !pace_->takes_turns() && revive_for_prospects();
}

bool Study::revive_for_prospects() {
  if (stop_pool_.judged_count() == 0) return false;
  const Prospects hopes = prospects();
  std::optional<TrialNumber> best;
  double best_rate = -1;
  const auto& judged = stop_pool_.judged();
  for (std::size_t rung = 1; rung < judged.size(); ++rung) {
    std::size_t weighed = 0;
    for (const auto& entry : judged[rung]) {
      if (++weighed > kWeighed) break;
      const Trial& trial = at(entry.trial);
      if (prospect_of(trial, hopes).chance < kWorthChance) break;
      if (const double rate = gain_rate(trial, hopes); rate > best_rate) {
        best_rate = rate;
        best = entry.trial;
      }
    }
  }
  if (!best) return false;
  Trial& chosen = at(*best);
  const bool can_create = may_create() && pace_->wants_trial();
  if (can_create) {
    const double fresh = hopes.of_new().gain / budget_cost({.budget = chosen.budget});
    if (best_rate <= fresh) return false;
  }
  const std::size_t next = *ladder_->last_mark(chosen.number) + 1;
  chosen.judged_from_share = next < ladder_->marks().size() ? ladder_->marks()[next] : 1;
  start_attempt(chosen, {.why = fmt::format(
                             "of the stop pool it has the best expected gain per GPU-second ({})",
                             can_create ? "more than a new trial" : "no new trials are allowed")});
  return true;
}

void Study::fill() {
  while (used_ < slots_ && !is_over_) {
    if (revive_one()) continue;
    if (!to_repeat_.empty()) {
      const TrialNumber finalist = to_repeat_.back();
      to_repeat_.pop_back();
      create_trial(at(finalist).point, race_round_ - 1, finalist,
                   fmt::format("run {} of trial {}, one of the {} finalists", race_round_, finalist,
                               finalists_.size()));
      continue;
    }
    if (!may_create() || !pace_->wants_trial()) return;
    const auto number = static_cast<TrialNumber>(trials_.size());
    Point point;
    if (!known_points_) {
      point = sampler_->ask(number);
    } else if (known_points_->empty()) {
      lacks_point_ = true;
      return;
    } else {
      point = std::move(known_points_->front());
      known_points_->pop_front();
      sampler_->adopt(number, point);
    }
    create_trial(std::move(point), 0, -1, fmt::format("proposed by {}", spec_.sampler));
  }
}

void Study::trim() {
  const auto stays = [this](TrialNumber number) { return at(number).state != TrialState::leaving; };
  const std::int64_t staying = std::ranges::count_if(live_, stays);
  if (staying <= slots_) return;
  const Prospects hopes = prospects();
  std::vector<Holder> holders;
  for (const TrialNumber number : live_) {
    if (!stays(number)) continue;
    const Trial& trial = at(number);
    const double saved_s = std::max(trial.attempt_began_s, trial.checkpoint.at_s);
    holders.push_back({number, trial.attempt_began_s < 0 ? 0 : now_s_ - saved_s,
                       prospect_of(trial, hopes).chance});
  }
  for (const TrialNumber number : least_loss(holders, static_cast<std::size_t>(staying - slots_))) {
    const auto holder = std::ranges::find(holders, number, &Holder::trial);
    at(number).is_interrupted = true;
    order_out(at(number), Action::Kind::pause,
              fmt::format("the study has {} slots for {} trials, and this one loses least: {:.0f} "
                          "s since its checkpoint, a chance of {:.2g} to be the best",
                          slots_, staying, holder->unsaved_s, holder->chance));
  }
}

void Study::settle_stopped(Trial& trial) {
  if (!trial.is_interrupted) shrink_stop_pool();
}

void Study::shrink_stop_pool() {
  // A method that pauses needs those that may yet be promoted.
  const bool pauses = spec_.stopping.promote && spec_.stopping.method == Stopping::asha;
  const double ratio =
      pauses ? std::max(spec_.stop_ratio, 1 / spec_.stopping.eta) : spec_.stop_ratio;
  if (ratio >= 1 || pace_->takes_turns()) return;
  const auto judged = static_cast<std::int64_t>(stop_pool_.judged_count()) + dead_;
  const auto room = static_cast<std::int64_t>(std::ceil(ratio * static_cast<double>(judged)));
  while (static_cast<std::int64_t>(stop_pool_.judged_count()) > room) {
    // The worst of a rung has the least chance of it.
    const Prospects hopes = prospects();
    std::vector<Holder> worst;
    for (const auto& rung : stop_pool_.judged()) {
      const auto last = std::find_if(rung.rbegin(), rung.rend(), [&](const Ladder::Entry& entry) {
        return !pace_->waits(entry.trial);
      });
      if (last != rung.rend())
        worst.push_back({last->trial, 1, prospect_of(at(last->trial), hopes).chance});
    }
    if (worst.empty()) return;
    Trial& trial = at(least_loss(worst, 1).front());
    stop_pool_.leave(trial, *ladder_);
    trial.state = TrialState::dead;
    ++dead_;
    trial.why = fmt::format(
        "the stop pool keeps {:g} of the {} stopped trials, and its chance to "
        "be the best is the least",
        ratio, judged);
    pace_->fail(trial.number);
    actions_.push_back({.kind = Action::Kind::stop,
                        .trial = trial.number,
                        .attempt = trial.attempt,
                        .why = trial.why});
  }
}

}  // namespace galley::hpo
