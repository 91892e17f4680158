#include "estimator/eta.h"

#include <algorithm>
#include <cmath>

namespace galley::estimator {
namespace {

constexpr std::size_t kMostSteps = 512;
constexpr std::size_t kRetiredAtOnce = 128;
constexpr double kStandsOut = 1.6;  // times the typical step
constexpr double kTooManyToStandOut = 0.25;
constexpr double kDecileOfNormal = 1.2816;

/// Shares of progress at which a run notes what it estimated.
constexpr std::array<double, 44> kNoted{
    .005, .01,  .02,  .03,  .04,  .05,  .075, .1,   .125, .15,  .175, .2,   .225, .25,  .275,
    .3,   .325, .35,  .375, .4,   .425, .45,  .475, .5,   .525, .55,  .575, .6,   .625, .65,
    .675, .7,   .725, .75,  .775, .8,   .825, .85,  .875, .9,   .925, .95,  .975, .99};

double log_deviation_of(const Spread& spread) {
  constexpr double kSmallest = 0.02;
  if (!(spread.p10 > 0) || !(spread.p90 > spread.p10)) return kSmallest;
  return std::max(kSmallest, std::log(spread.p90 / spread.p10) / (2 * kDecileOfNormal));
}

Spread less_elapsed(const Spread& spread, double elapsed_s) {
  return {.p10 = std::max(0.0, spread.p10 - elapsed_s),
          .p50 = std::max(0.0, spread.p50 - elapsed_s),
          .p90 = std::max(0.0, spread.p90 - elapsed_s)};
}

Spread in_dollars(const Spread& seconds, double usd_per_hour) {
  const double rate = usd_per_hour / 3600;
  return {.p10 = seconds.p10 * rate, .p50 = seconds.p50 * rate, .p90 = seconds.p90 * rate};
}

Spread log_normal(double log_middle, double deviation) {
  return {.p10 = std::exp(log_middle - kDecileOfNormal * deviation),
          .p50 = std::exp(log_middle),
          .p90 = std::exp(log_middle + kDecileOfNormal * deviation)};
}

}  // namespace

struct EtaTracker::Own {
  double step_s = 0;       // typical
  double remaining_s = 0;  // to the end asked for
  double pauses_s = 0;     // of it
  double deviation = 0;    // of the logarithm
};

EtaTracker::EtaTracker(const EtaOptions& options) : options_(options) {}

void EtaTracker::set_total(double total_progress) {
  if (!(total_progress > 0) || !std::isfinite(total_progress)) return;
  if (options_.total_progress == total_progress) return;
  options_.total_progress = total_progress;
  // What was noted so far was about another end.
  checkpoints_.clear();
  next_checkpoint_ = 0;
}

void EtaTracker::observe(const ProgressPoint& point) {
  if (!std::isfinite(point.at_s) || !std::isfinite(point.progress) || point.progress < 0) return;
  ProgressPoint now = point;
  if (last_) now.at_s = std::max(now.at_s, last_->at_s);
  switch (now.kind) {
    case ProgressKind::evaluation_begin:
      if (!evaluation_since_s_) evaluation_since_s_ = now.at_s;
      return;
    case ProgressKind::evaluation_end:
      if (evaluation_since_s_) {
        const double seconds = now.at_s - *evaluation_since_s_;
        cycle_.add(PauseKind::evaluation, last_ ? last_->progress : 0, seconds);
        paused_s_ += seconds;
      }
      evaluation_since_s_.reset();
      return;
    case ProgressKind::checkpoint:
      next_label_ = PauseKind::checkpoint;
      return;
    case ProgressKind::epoch_end:
    case ProgressKind::step:
      break;
  }
  if (!last_) {
    last_ = now;
    return;
  }
  if (now.progress > last_->progress) {
    add_interval(now.at_s - last_->at_s, now);
    last_ = now;
    paused_s_ = 0;
    note_checkpoint(now.at_s);
  } else if (now.progress < last_->progress) {
    last_ = now;
    paused_s_ = 0;
  }
  if (now.kind == ProgressKind::epoch_end && next_label_ == PauseKind::unlabelled)
    next_label_ = PauseKind::epoch;
}

void EtaTracker::add_interval(double seconds, const ProgressPoint& point) {
  // Evaluation beside training, on other GPUs, takes nothing from the steps.
  constexpr double kMostPaused = 0.9;
  if (paused_s_ > 0 && paused_s_ < kMostPaused * seconds) seconds -= paused_s_;
  const double weight = point.progress - last_->progress;
  const double step_s = seconds / weight;
  const PauseKind label = next_label_;
  next_label_ = PauseKind::unlabelled;
  if (!(step_s > 0)) return;
  if (!first_step_s_) {
    first_step_s_ = step_s;
    return;
  }
  if (steps_.size() == kMostSteps) retire(kRetiredAtOnce);
  steps_.push_back(
      {.progress = point.progress, .weight = weight, .step_s = step_s, .label = label});
  watched_ += weight;
  if (const auto change = changes_.add(step_s)) {
    const std::size_t stay = std::clamp<std::size_t>(change->steps_ago, 1, steps_.size());
    retire(steps_.size() - stay);
    ++speed_changes_;
    last_change_ = steps_.front().progress - steps_.front().weight;
  }
}

namespace {

template <class Steps>
double median_step(const Steps& steps) {
  std::vector<double> values;
  values.reserve(steps.size());
  for (const auto& step : steps) values.push_back(step.step_s);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

void EtaTracker::retire(std::size_t count) {
  if (count == 0) return;
  const auto end = steps_.begin() + static_cast<std::ptrdiff_t>(count);
  const std::vector<Step> leaving(steps_.begin(), end);
  const double typical = median_step(leaving);
  for (const Step& step : leaving)
    if (step.step_s > kStandsOut * typical)
      cycle_.add(step.label, step.progress, (step.step_s - typical) * step.weight);
  steps_.erase(steps_.begin(), end);
}

std::optional<EtaTracker::Own> EtaTracker::own_estimate() const {
  if (!last_ || !options_.total_progress || !first_step_s_) return std::nullopt;
  const double left = *options_.total_progress - last_->progress;
  if (!(left > 0)) return std::nullopt;
  Own own;
  if (steps_.empty()) {
    constexpr double kDoubtOfFirst = 0.5;  // it may be all warm-up
    own.step_s = *first_step_s_;
    own.remaining_s = own.step_s * left;
    own.deviation = kDoubtOfFirst;
    return own;
  }
  constexpr std::size_t kFewestToStandOut = 4;
  const double typical = median_step(steps_);
  const auto stands_out = [&](const Step& step) { return step.step_s >= kStandsOut * typical; };
  const auto outside = static_cast<double>(std::ranges::count_if(steps_, stands_out));
  const auto n = static_cast<double>(steps_.size());
  const bool has_pauses = steps_.size() >= kFewestToStandOut && outside <= kTooManyToStandOut * n;
  double weight = 0, seconds = 0, all_weight = 0, all_seconds = 0, squares = 0;
  for (const Step& step : steps_) {
    all_weight += step.weight;
    all_seconds += step.weight * step.step_s;
    squares += step.step_s * step.step_s;
    if (has_pauses && stands_out(step)) continue;
    weight += step.weight;
    seconds += step.weight * step.step_s;
  }
  own.step_s = seconds / weight;
  CycleModel cycle = cycle_;
  if (has_pauses)
    for (const Step& step : steps_)
      if (stands_out(step))
        cycle.add(step.label, step.progress, (step.step_s - own.step_s) * step.weight);
  own.pauses_s = cycle.expected_s(last_->progress, *options_.total_progress, watched_);
  own.remaining_s = own.step_s * left + own.pauses_s;

  double mean = 0;
  for (const Step& step : steps_) mean += step.step_s / n;
  // Two values say little of their variation, so a usual one (a fifth) counts as five more.
  const double seen = std::max(0.0, squares / n - mean * mean) / (mean * mean);
  constexpr double kUsual = 0.2 * 0.2;
  const double variation = (seen * n + kUsual * 5 / n) / (n + 5 / n);
  // Beyond the noise of the mean, and growing with what is left: what no step has shown yet.
  const double ahead = left / *options_.total_progress;
  constexpr double kUnseen = 0.05;
  own.deviation = std::sqrt(variation / n + kUnseen * kUnseen * ahead + 0.005 * 0.005);
  return own;
}

EtaCheckpoint EtaTracker::checkpoint_of(const Own& own, double at_s) const {
  const double left = *options_.total_progress - last_->progress;
  EtaCheckpoint point{.progress_ratio = last_->progress / *options_.total_progress,
                      .elapsed_s = at_s,
                      .remaining_s = own.remaining_s};
  if (first_step_s_ && !steps_.empty()) {
    point.first_log_ratio = std::log(*first_step_s_ / median_step(steps_));
    point.pause_log_ratio = std::log(own.remaining_s / (left * median_step(steps_)));
  }
  if (options_.prior_step_s && options_.prior_step_s->p50 > 0)
    point.prior_log_ratio = std::log(options_.prior_step_s->p50 * left / own.remaining_s);
  return point;
}

void EtaTracker::note_checkpoint(double at_s) {
  if (!options_.total_progress || steps_.empty()) return;
  const double ratio = last_->progress / *options_.total_progress;
  bool due = false;
  while (next_checkpoint_ < kNoted.size() && ratio >= kNoted[next_checkpoint_]) {
    ++next_checkpoint_;
    due = true;
  }
  if (!due) return;
  if (const auto own = own_estimate()) checkpoints_.push_back(checkpoint_of(*own, at_s));
}

EtaEstimate EtaTracker::estimate(double now_s, const EtaHistory* history) const {
  EtaEstimate estimate{.total_progress = options_.total_progress};
  if (last_) estimate.progress = last_->progress;
  const double since_s = last_ ? std::max(0.0, now_s - last_->at_s) : std::max(0.0, now_s);
  const auto finish = [&](Spread remaining) {
    estimate.remaining_s = less_elapsed(remaining, since_s);
    estimate.remaining_cost_usd = in_dollars(estimate.remaining_s, options_.cost_usd_per_hour);
    return estimate;
  };
  if (last_ && options_.total_progress && last_->progress >= *options_.total_progress) {
    estimate.source = EtaSource::data;
    return finish({});
  }

  // The prior's remaining time: by the step where it can be, else what is left of the whole.
  std::optional<Spread> prior;
  const double left = options_.total_progress ? *options_.total_progress - estimate.progress : 0;
  if (options_.prior_step_s && options_.prior_step_s->p50 > 0 && left > 0) {
    const Spread& step = *options_.prior_step_s;
    prior = Spread{step.p10 * left, step.p50 * left, step.p90 * left};
  } else if (options_.prior_total_s && options_.prior_total_s->p50 > 0) {
    prior = less_elapsed(*options_.prior_total_s, last_ ? last_->at_s : 0);
  }

  const auto own = own_estimate();
  if (!own) {
    if (!prior) return estimate;
    estimate.source = EtaSource::prior;
    estimate.step_s = options_.prior_step_s ? options_.prior_step_s->p50 : 0;
    return finish(*prior);
  }
  estimate.step_s = own->step_s;
  estimate.pause_share = own->pauses_s / own->remaining_s;
  estimate.source = EtaSource::data;
  double log_middle = std::log(own->remaining_s);
  double deviation = own->deviation;
  std::optional<EtaCorrection> correction;
  if (history != nullptr && !steps_.empty())
    correction = history->correct(checkpoint_of(*own, last_->at_s), *options_.total_progress);
  if (correction) {
    estimate.source = EtaSource::history;
    estimate.earlier_runs = correction->effective_runs;
    const Spread corrected{.p10 = std::exp(log_middle + correction->log_p10),
                           .p50 = std::exp(log_middle + correction->log_shift),
                           .p90 = std::exp(log_middle + correction->log_p90)};
    if (!prior || correction->knows_prior) return finish(corrected);
    log_middle += correction->log_shift;
    deviation = (correction->log_p90 - correction->log_p10) / (2 * kDecileOfNormal);
  }
  if (prior && prior->p50 > 0) {
    const double prior_deviation = log_deviation_of(*prior);
    const double data_trust = 1 / (deviation * deviation);
    const double prior_trust = 1 / (prior_deviation * prior_deviation);
    log_middle =
        (log_middle * data_trust + std::log(prior->p50) * prior_trust) / (data_trust + prior_trust);
    deviation = std::sqrt(1 / (data_trust + prior_trust));
  }
  return finish(log_normal(log_middle, deviation));
}

void EtaTracker::observe_metric(double progress, double value) { curve_.add(progress, value); }

TargetEstimate EtaTracker::estimate_target(const MetricTarget& target, double now_s) const {
  TargetEstimate estimate = curve_.extrapolate(target);
  if (estimate.answer != TargetAnswer::expected) return estimate;
  const auto own = own_estimate();
  const double since_s = last_ ? std::max(0.0, now_s - last_->at_s) : 0;
  double step_s = own ? own->remaining_s / (*options_.total_progress - last_->progress) : 0;
  if (!own && !steps_.empty()) step_s = median_step(steps_);
  if (!own && steps_.empty() && options_.prior_step_s) step_s = options_.prior_step_s->p50;
  if (!(step_s > 0)) {
    estimate.answer = TargetAnswer::cannot_tell;
    return estimate;
  }
  const double at = last_ ? last_->progress : 0;
  const double deviation = own ? own->deviation : 0;
  const auto seconds = [&](double progress, double doubt) {
    return std::max(0.0, (progress - at) * step_s * std::exp(doubt) - since_s);
  };
  estimate.remaining_s = {.p10 = seconds(estimate.progress.p10, -deviation),
                          .p50 = seconds(estimate.progress.p50, 0),
                          .p90 = seconds(estimate.progress.p90, deviation)};
  estimate.remaining_cost_usd = in_dollars(estimate.remaining_s, options_.cost_usd_per_hour);
  return estimate;
}

Stability EtaTracker::stability() const {
  std::vector<double> values;
  values.reserve(steps_.size());
  for (const Step& step : steps_) values.push_back(step.step_s);
  return judge_stability(values);
}

std::vector<Pauses> EtaTracker::pauses() const {
  CycleModel cycle = cycle_;
  if (!steps_.empty()) {
    const double typical = median_step(steps_);
    for (const Step& step : steps_)
      if (step.step_s >= kStandsOut * typical)
        cycle.add(step.label, step.progress, (step.step_s - typical) * step.weight);
  }
  return cycle.pauses();
}

EtaProfile EtaTracker::profile() const {
  constexpr double kEnded = 0.98;
  if (!last_ || !options_.total_progress) return {};
  if (last_->progress < kEnded * *options_.total_progress) return {};
  return {.total_progress = *options_.total_progress,
          .total_s = last_->at_s,
          .checkpoints = checkpoints_};
}

}  // namespace galley::estimator
