#include "hpo/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "hpo/population.h"
#include "hpo/rung_model.h"

namespace galley::hpo {
namespace {

constexpr int kDefaultRungs = 3;
constexpr double kLatest_s = 1e11;  // three thousand years; microseconds of it fit into 63 bits

std::vector<double> ladder_marks(const StudySpec& spec) {
  if (spec.stopping.method == Stopping::none || spec.stopping.method == Stopping::median)
    return rung_marks({.method = Stopping::asha, .rungs = kDefaultRungs});
  return rung_marks(spec.stopping);
}

}  // namespace

Study::Study(StudySpec spec, Space space)
    : spec_(std::move(spec)),
      space_(std::move(space)),
      ladder_(std::make_unique<Ladder>(ladder_marks(spec_))),
      stop_pool_(ladder_->marks().size()) {}

Result<Study> Study::open(StudySpec spec, Space space, const SamplerFactory& make_sampler) {
  if (spec.measures.empty())
    return Error{Errc::invalid_argument, "a study names no measure", "measure", {}, {}};
  if (spec.sampler == "auto")
    return Error{Errc::invalid_argument,
                 "tune is still auto: choose_method comes before a study",
                 "tune",
                 {},
                 {}};
  if (!spec.budget_parameter.empty()) {
    const auto index = space.find(spec.budget_parameter);
    if (!index || !space.parameter(*index).is_number() || space.parameter(*index).low <= 0)
      return Error{
          Errc::invalid_argument,
          fmt::format("max_resource names '{}', which is no parameter with numbers above 0",
                      spec.budget_parameter),
          "max_resource",
          "a number, or the name of such a parameter",
          {}};
    spec.max_resource = space.parameter(*index).high;
  }
  Study study(std::move(spec), std::move(space));
  if (study.spec_.sampler == "rungs") {
    study.sampler_ = std::make_unique<RungSampler>(study.space_, study.spec_.seed);
  } else {
    GALLEY_TRY(study.sampler_, make_sampler(study.spec_, study.space_));
  }
  const auto& own = study.spec_;
  if (own.pbt.enabled)
    study.pace_ = make_population(own.pbt, study.space_, own.step,
                                  std::max<std::int64_t>(own.population, 1), own.seed);
  else
    study.pace_ = make_early_stopping(own.stopping);
  return study;
}

double Study::loss_of(const Trial& trial) const {
  if (trial.objectives.empty()) return std::nan("");
  return spec_.measures[0].maximise ? -trial.objectives[0] : trial.objectives[0];
}

double Study::budget_of(const Point& point) const {
  if (spec_.budget_parameter.empty()) return spec_.max_resource;
  const double value = point[*space_.find(spec_.budget_parameter)];
  return std::isnan(value) || value <= 0 ? spec_.max_resource : value;
}

double Study::gpus_of_trial() const {
  return static_cast<double>(std::max<std::int64_t>(spec_.gpus.per_trial, 1));
}

std::vector<Action> Study::apply(const Event& event) {
  actions_.clear();
  const std::size_t first_new_trial = trials_.size();
  if (event.at_s > now_s_) pass_time(event.at_s);
  // Times never fall, so that a replay passes the same time.
  const bool is_news = event.kind != Event::Kind::tick && take(event);
  if (!is_over_) {
    check_limits();
    fill();
    check_idle();
  }
  // What told only the time is of interest if something was due.
  if (is_news || !actions_.empty())
    write_journal(is_news ? event : Event{.kind = Event::Kind::tick}, first_new_trial);
  return std::exchange(actions_, {});
}

void Study::pass_time(double at_s) {
  // Whole microseconds: sums do not depend on how many events the time was told by.
  const auto at_us = static_cast<std::int64_t>(std::llround(std::min(at_s, kLatest_s) * 1e6));
  gpu_us_ += (at_us - now_us_) * running_ * std::max<std::int64_t>(spec_.gpus.per_trial, 1);
  now_us_ = at_us;
  now_s_ = static_cast<double>(at_us) / 1e6;
}

void Study::begin_running(Trial& trial) {
  trial.state = TrialState::running;
  trial.attempt_began_s = now_s_;
  trial.counted_to_us = now_us_;
  ++running_;
}

void Study::count_gpu_time(Trial& trial) {
  if (trial.attempt_began_s < 0) return;
  trial.gpu_us += (now_us_ - trial.counted_to_us) * std::max<std::int64_t>(spec_.gpus.per_trial, 1);
  trial.gpu_seconds = static_cast<double>(trial.gpu_us) / 1e6;
  trial.counted_to_us = now_us_;
}

void Study::end_running(Trial& trial) {
  if (trial.attempt_began_s < 0) return;
  count_gpu_time(trial);
  trial.attempt_began_s = -1;
  --running_;
}

bool Study::take(const Event& event) {
  using Kind = Event::Kind;
  if (event.kind == Kind::capacity) {
    const std::int64_t gpus = std::clamp<std::int64_t>(
        event.gpus, std::min(event.gpus, spec_.gpus.min), spec_.gpus.max.value_or(event.gpus));
    slots_ = std::max<std::int64_t>(gpus, 0) / std::max<std::int64_t>(spec_.gpus.per_trial, 1);
    if (spec_.population > 0 && !spec_.pbt.enabled) slots_ = std::min(slots_, spec_.population);
    if (!is_over_) trim();
    return true;
  }
  if (event.kind == Kind::known) return take_known(event);
  if (event.trial < 0 || event.trial >= static_cast<TrialNumber>(trials_.size())) return false;
  Trial& trial = at(event.trial);
  count_gpu_time(trial);
  if (event.kind == Kind::reported) return take_report(event, trial);
  if (event.kind == Kind::checkpointed) {
    // A checkpoint of weights that were left is of no use to the trial.
    if (event.attempt < trial.branch_attempt || event.attempt > trial.attempt) return false;
    if (trial.has_ended() || event.text.empty() || !std::isfinite(event.resource)) return false;
    if (!trial.checkpoint.name.empty() && event.resource < trial.checkpoint.resource) return false;
    if (trial.state == TrialState::waiting && event.attempt == trial.attempt) begin_running(trial);
    trial.checkpoint = {event.text, event.resource, now_s_, event.attempt, false};
    return true;
  }
  // All others are about the attempt of now: what an attempt that is over says changes nothing.
  if (event.attempt != trial.attempt || !trial.is_live()) return false;
  switch (event.kind) {
    case Kind::started:
      if (trial.state != TrialState::waiting) return false;
      begin_running(trial);
      return true;
    case Kind::released:
      if (trial.state != TrialState::leaving) return false;
      leave_gpus(trial);
      return true;
    case Kind::preempted:
      if (trial.state != TrialState::leaving) {
        trial.is_interrupted = true;
        trial.why = "its GPUs were taken; it goes on when others are free";
        const double saved_s = std::max(trial.attempt_began_s, trial.checkpoint.at_s);
        if (trial.attempt_began_s >= 0)
          trial.lost_gpu_seconds += (now_s_ - saved_s) * gpus_of_trial();
      }
      leave_gpus(trial);
      return true;
    case Kind::finished:
      if (trial.objectives.empty())
        end_trial(trial, TrialState::failed,
                  fmt::format("it ended without a report of {}", spec_.measures[0].name));
      else
        end_trial(trial, TrialState::finished, "its program ended");
      return true;
    case Kind::failed:
    case Kind::infeasible:
      end_trial(trial, event.kind == Kind::failed ? TrialState::failed : TrialState::infeasible,
                event.text.empty() ? "it failed" : event.text);
      return true;
    default:
      return false;
  }
}

bool Study::is_result(const Trial& trial, const Event& report) const {
  if (!spec_.best_report || trial.objectives.empty() || std::isnan(trial.objectives[0]))
    return true;
  return spec_.measures[0].maximise ? report.objectives[0] > trial.objectives[0]
                                    : report.objectives[0] < trial.objectives[0];
}

bool Study::take_report(const Event& event, Trial& trial) {
  if (event.attempt < trial.branch_attempt || event.attempt > trial.attempt) return false;
  if (trial.has_ended() || trial.state == TrialState::dead) return false;
  if (!std::isfinite(event.resource) || event.resource <= trial.resource) return false;
  if (event.objectives.size() != spec_.measures.size()) return false;
  if (trial.state == TrialState::waiting && event.attempt == trial.attempt) begin_running(trial);
  if (trial.objectives.empty()) ++useful_;
  const bool runs = trial.state == TrialState::running && event.attempt == trial.attempt;
  if (runs && event.resource > trial.attempt_from && now_s_ > trial.attempt_began_s) {
    trial.seconds_per_resource =
        (now_s_ - trial.attempt_began_s) / (event.resource - trial.attempt_from);
    // A slow mean over reports of all trials: an estimate for those that have not begun.
    seconds_per_resource_ += seconds_per_resource_ == 0
                                 ? trial.seconds_per_resource
                                 : 0.05 * (trial.seconds_per_resource - seconds_per_resource_);
  }
  const bool is_pooled = trial.state == TrialState::stopped;
  if (is_pooled) stop_pool_.leave(trial, *ladder_);
  trial.resource = event.resource;
  if (is_result(trial, event)) trial.objectives = event.objectives;
  if (trial.repeat_of < 0) {
    if (const auto target = spec_.termination.target) {
      const double value = trial.objectives[0];
      if (spec_.measures[0].maximise ? value >= *target : value <= *target)
        at_target_ = trial.number;
    }
    judge(trial, trial.resource / trial.budget);
  }
  if (is_pooled) {
    stop_pool_.enter(trial, *ladder_);
  }
  // Its report may have decided over others that wait.
  shrink_stop_pool();
  return true;
}

void Study::observe(const Trial& trial, double resource, bool failed) {
  Observation observation{trial.number, trial.point, resource, {}};
  if (!failed)
    for (std::size_t i = 0; i < spec_.measures.size(); ++i)
      observation.objectives.push_back(spec_.measures[i].maximise ? -trial.objectives[i]
                                                                  : trial.objectives[i]);
  sampler_->observe(observation);
}

bool Study::others_wait_below(double resource) const {
  if (!pace_->takes_turns() || used_ < slots_) return false;
  if (pace_->wants_trial() && may_create()) return true;
  return std::ranges::any_of(stop_pool_.searching(),
                             [&](TrialNumber other) { return at(other).resource < resource; });
}

void Study::judge(Trial& trial, double share) {
  const auto mark = ladder_->place(trial.number, share, loss_of(trial));
  if (mark && spec_.stopping.method != Stopping::none)
    observe(trial, ladder_->marks()[*mark] * spec_.max_resource, std::isnan(loss_of(trial)));
  const bool runs = trial.state == TrialState::running;
  // What a trial reports after it was told to go is noted, and judged no more.
  if (!runs && !(trial.state == TrialState::stopped && trial.is_interrupted)) return;
  if (!is_searching_) return;
  // A member of a population is compared once others could copy it.
  if (spec_.pbt.enabled && trial.checkpoint.name.empty()) return;
  Ruling ruling = pace_->report({trial.number, share, loss_of(trial), trial.resource});
  if (ruling.why.empty()) return;
  trial.why = ruling.why;
  if (share < trial.judged_from_share - 1e-9) return;
  switch (ruling.verdict) {
    case Verdict::proceed:
      if (!runs) return;
      if (others_wait_below(trial.resource))
        order_out(trial, Action::Kind::pause,
                  ruling.why + "; members that are behind have their turn");
      else
        actions_.push_back({.kind = Action::Kind::proceed,
                            .trial = trial.number,
                            .attempt = trial.attempt,
                            .why = ruling.why});
      return;
    case Verdict::pause:
    case Verdict::stop:
      trial.is_interrupted = false;
      if (!runs) return;
      trial.goes_dead = ruling.verdict == Verdict::stop && spec_.stop_ratio <= 0;
      order_out(trial, trial.goes_dead ? Action::Kind::stop : Action::Kind::pause, ruling.why);
      return;
    case Verdict::exploit: {
      // A source that has itself yet to begin anew is what it will begin from.
      Trial& source = at(ruling.from);
      const bool is_pending = source.next.has_value();
      const double from = is_pending ? source.next->from_resource : source.checkpoint.resource;
      trial.next_checkpoint = is_pending ? source.next_checkpoint : source.checkpoint.name;
      trial.next = Segment{0, ruling.point, from, is_pending ? source.next->parent : ruling.from,
                           is_pending ? source.next->parent_attempt : source.checkpoint.attempt};
      trial.resource = from;
      // One that holds no GPUs begins so when it is revived. For the second that copies the same
      // weights those that are no further come first, or copies would keep the source from going
      // on.
      const bool is_second = is_pending || std::exchange(source.checkpoint.was_copied, true);
      if (!runs) return;
      if (is_second &&
          others_wait_below(std::nextafter(from, std::numeric_limits<double>::infinity())))
        order_out(trial, Action::Kind::pause,
                  ruling.why + "; members that are behind have their turn");
      else
        start_attempt(trial, {.why = ruling.why});
      return;
    }
  }
}

void Study::order_out(Trial& trial, Action::Kind kind, std::string why) {
  trial.state = TrialState::leaving;
  trial.why = why;
  actions_.push_back(
      {.kind = kind, .trial = trial.number, .attempt = trial.attempt, .why = std::move(why)});
}

void Study::leave_gpus(Trial& trial) {
  --used_;
  std::erase(live_, trial.number);
  end_running(trial);
  if (trial.goes_dead) {
    trial.state = TrialState::dead;
    ++dead_;
    pace_->fail(trial.number);
    return;
  }
  trial.state = TrialState::stopped;
  stop_pool_.enter(trial, *ladder_);
  settle_stopped(trial);
}

void Study::end_trial(Trial& trial, TrialState state, const std::string& why) {
  --used_;
  std::erase(live_, trial.number);
  end_running(trial);
  trial.state = state;
  trial.why = why;
  ++ended_;
  if (trial.repeat_of >= 0) {
    --open_repetitions_;
    return;
  }
  const bool lost = state != TrialState::finished || std::isnan(loss_of(trial));
  if (lost) {
    ladder_->fail(trial.number);
    pace_->fail(trial.number);
  } else {
    ladder_->place(trial.number, 1, loss_of(trial));
    pace_->finish(trial.number);
  }
  observe(trial, 0, lost);
}

PoolCounts Study::pools() const {
  PoolCounts counts{
      .live = static_cast<std::int64_t>(live_.size()), .dead = dead_, .ended = ended_};
  counts.stop =
      static_cast<std::int64_t>(trials_.size()) - counts.live - counts.dead - counts.ended;
  return counts;
}

std::vector<LineagePiece> Study::lineage(TrialNumber number) const {
  std::vector<LineagePiece> pieces;
  const Trial* trial = &at(number);
  std::size_t index = trial->segments.size();
  double to = trial->resource;
  while (index > 0) {
    const Segment& segment = trial->segments[index - 1];
    pieces.push_back({trial->number, segment.point, segment.from_resource, to});
    if (segment.parent < 0) break;
    to = segment.from_resource;
    trial = &at(segment.parent);
    // The parent's settings when it wrote the checkpoint.
    index = trial->segments.size();
    while (index > 1 && trial->segments[index - 1].attempt > segment.parent_attempt) --index;
  }
  std::ranges::reverse(pieces);
  return pieces;
}

}  // namespace galley::hpo
