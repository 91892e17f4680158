#include "live_run.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "live_view.h"

namespace galley::estimates {
namespace {

using estimator::ProgressKind;

constexpr std::string_view kFoundByAgent = "log/";
// The test costs a millisecond or two: not for every question.
constexpr std::int64_t kPointsBetweenTests = 50;

}  // namespace

LiveRun::LiveRun(WallTime started, LivePrior prior, std::optional<protocol::MetricGoal> goal)
    : started_ms_(to_ms(started)), prior_(std::move(prior)), goal_(std::move(goal)) {}

void LiveRun::add(std::span<const tracking::MetricPoint> points) {
  for (const auto& point : points) {
    ++points_;
    const std::string_view key = point.key;
    if (key.starts_with(kFoundByAgent))
      add(found_, key.substr(kFoundByAgent.size()), point, true);
    else
      add(own_, key, point, false);
  }
}

void LiveRun::add(Track& track, std::string_view key, const tracking::MetricPoint& point,
                  bool found) {
  const bool usable = std::isfinite(point.value) && point.value >= 0;
  if (key == "total_steps") {
    if (usable) set_total(track.steps, point.value);
  } else if (key == "total_epochs") {
    if (usable) set_total(track.epochs, point.value);
  } else if (key == "epoch") {
    if (!usable) return;
    if (!track.epochs.first) track.epochs.first = std::floor(point.value);
    // A program names a whole epoch when that is done; an agent says how many are.
    const bool whole = point.value == std::floor(point.value);
    const double done = found ? point.value : point.value - *track.epochs.first + (whole ? 1 : 0);
    advance(track.epochs, done, point.at_ms, ProgressKind::epoch_end);
  } else if (key == "step") {
    if (usable) advance(track.steps, point.value, point.at_ms, ProgressKind::step);
  } else {
    advance(track.steps, static_cast<double>(point.step), point.at_ms, ProgressKind::step);
  }
  if (!goal_ || point.key != goal_->metric || !std::isfinite(point.value)) return;
  for (Line* line : {&track.steps, &track.epochs}) {
    if (!line->tracker) continue;
    const double at = line == &track.steps ? static_cast<double>(point.step)
                      : line->waiting      ? line->waiting->progress
                                           : 0;
    line->tracker->observe_metric(at, point.value);
  }
}

void LiveRun::set_total(Line& line, double total) {
  line.total = total;
  if (line.tracker) line.tracker->set_total(total);
}

void LiveRun::advance(Line& line, double position, std::int64_t at_ms, ProgressKind kind) {
  if (at_ms < line.last_ms) return;
  if (!line.tracker) {
    line.tracker = std::make_unique<estimator::EtaTracker>(
        estimator::EtaOptions{.total_progress = line.total,
                              .prior_step_s = prior_.step_s,
                              .prior_total_s = prior_.total_s,
                              .cost_usd_per_hour = prior_.usd_per_hour});
    started_ms_ = std::min(started_ms_, at_ms);
  }
  // Points of one time are one: the last says how far it was.
  if (at_ms > line.last_ms) flush(line);
  line.last_ms = at_ms;
  const double at_s = static_cast<double>(at_ms - started_ms_) / 1e3;
  if (line.waiting) position = std::max(position, line.waiting->progress);
  line.waiting = estimator::ProgressPoint{.kind = kind, .at_s = at_s, .progress = position};
}

void LiveRun::flush(Line& line) {
  if (line.waiting) line.tracker->observe(*line.waiting);
  line.waiting.reset();
}

void LiveRun::finish(WallTime at) {
  const double at_s = static_cast<double>(to_ms(at) - started_ms_) / 1e3;
  for (Line* line : {&own_.steps, &own_.epochs, &found_.steps, &found_.epochs}) {
    if (!line->tracker) continue;
    flush(*line);
    const double progress = line->tracker->estimate(at_s).progress;
    if (!line->total) line->tracker->set_total(progress);
    // Counting from zero, the last step is the one before the total.
    constexpr double kAllButOne = 1.5;
    if (line->total && progress >= *line->total - kAllButOne)
      line->tracker->observe({.at_s = at_s, .progress = *line->total});
  }
}

LiveRun::Chosen LiveRun::choose(std::optional<double> usual_total) {
  using protocol::EtaTotal;
  using protocol::EtaUnit;
  for (Track* track : {&own_, &found_}) {
    if (track->steps.tracker && track->steps.total)
      return {&track->steps, EtaUnit::step, EtaTotal::given};
    if (track->epochs.tracker && track->epochs.total)
      return {&track->epochs, EtaUnit::epoch, EtaTotal::given};
  }
  for (Track* track : {&own_, &found_}) {
    if (!track->steps.tracker) continue;
    if (usual_total) track->steps.tracker->set_total(*usual_total);
    return {&track->steps, EtaUnit::step,
            usual_total ? std::optional(EtaTotal::predicted) : std::nullopt};
  }
  return {};
}

const estimator::Stability& LiveRun::stability_of(const estimator::EtaTracker& tracker) {
  if (judged_at_ < 0 || points_ - judged_at_ >= kPointsBetweenTests) {
    stability_ = tracker.stability();
    judged_at_ = points_;
  }
  return stability_;
}

protocol::JobEta LiveRun::eta(WallTime now, const estimator::EtaHistory* history,
                              std::optional<double> usual_total) {
  const double now_s = std::max(0.0, static_cast<double>(to_ms(now) - started_ms_) / 1e3);
  const bool priced = prior_.usd_per_hour > 0;
  const Chosen chosen = choose(usual_total);
  if (chosen.line == nullptr) {
    const estimator::EtaTracker empty(
        {.prior_total_s = prior_.total_s, .cost_usd_per_hour = prior_.usd_per_hour});
    auto eta = view_eta(empty.estimate(now_s), {}, now, priced);
    eta.from = protocol::EtaBasis::before;
    eta.step.reset();
    return eta;
  }
  estimator::EtaTracker& tracker = *chosen.line->tracker;
  // Points of one time come together: nothing will be added to one that is over.
  if (to_ms(now) >= chosen.line->last_ms) flush(*chosen.line);
  auto eta = view_eta(tracker.estimate(now_s, history), stability_of(tracker), now, priced);
  eta.unit = chosen.unit;
  eta.total_from = chosen.total_from;
  eta.speed_changes = static_cast<std::int64_t>(tracker.speed_changes());
  if (goal_) {
    auto target =
        view_target(tracker.estimate_target(
                        {.value = goal_->value, .lower_is_better = goal_->lower_is_better}, now_s),
                    now);
    target.metric = goal_->metric;
    target.value = goal_->value;
    eta.to_target = std::move(target);
  }
  return eta;
}

estimator::EtaProfile LiveRun::profile() const {
  for (const Track* track : {&own_, &found_}) {
    if (track->steps.tracker && (track->steps.total || !track->epochs.total))
      return track->steps.tracker->profile();
    if (track->epochs.tracker && track->epochs.total) return track->epochs.tracker->profile();
  }
  return {};
}

}  // namespace galley::estimates
