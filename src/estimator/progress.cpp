#include <algorithm>
#include <cmath>

#include "estimator/log_progress.h"

namespace galley::estimator {

double ProgressAssembler::seconds_of(const LogProgress& line, double arrived_s) {
  double seconds = arrived_s;
  if (line.at_s) {
    if (!clock_offset_s_) clock_offset_s_ = arrived_s - *line.at_s;
    seconds = *line.at_s + *clock_offset_s_;
  }
  last_s_ = std::max(last_s_, std::isfinite(seconds) ? seconds : 0);
  return last_s_;
}

std::optional<double> ProgressAssembler::position_of(const LogProgress& line) {
  if (line.epoch && !first_epoch_) first_epoch_ = std::floor(*line.epoch);
  if (line.total_epochs) total_epochs_ = line.total_epochs;
  if (!line.step) {
    // Epochs are the unit only where the log has never named a step.
    if (has_steps_ || !line.epoch) return std::nullopt;
    const bool ended = line.mark == LogMark::epoch_end;
    return *line.epoch - *first_epoch_ + (ended && *line.epoch == std::floor(*line.epoch) ? 1 : 0);
  }
  if (!has_steps_) last_position_ = 0;
  has_steps_ = true;
  const double step = *line.step;
  if (!line.step_in_epoch || !line.epoch) {
    // A bar without a title is another one when its total differs: of an evaluation when it is the
    // smaller, of the training itself when what came before was the preparation.
    if (line.total_steps && total_steps_ && *line.total_steps != *total_steps_) {
      if (*line.total_steps < *total_steps_) return std::nullopt;
      epochs_done_ = 0;
      last_position_ = 0;
    }
    if (line.total_steps) {
      total_steps_ = line.total_steps;
      if (step < last_step_ && step <= 0.5 * *line.total_steps &&
          last_step_ >= *line.total_steps - 1) {
        epochs_done_ += 1;
        steps_of_an_epoch_ = line.total_steps;
      }
    }
    last_step_ = step;
    return epochs_done_ * total_steps_.value_or(0) + step;
  }
  if (line.total_steps) steps_of_an_epoch_ = line.total_steps;
  const double epoch = *line.epoch - *first_epoch_;
  if (epoch > epochs_done_) {
    // Where no line has told how long an epoch is, its last step has.
    if (!steps_of_an_epoch_) steps_of_an_epoch_ = last_step_ + 1;
    epochs_done_ = epoch;
  }
  last_step_ = step;
  return epoch * steps_of_an_epoch_.value_or(0) + step;
}

std::vector<ProgressPoint> ProgressAssembler::add(const LogProgress& line, double arrived_s) {
  std::vector<ProgressPoint> points;
  if (line.phase == LogPhase::other) return points;
  const double at_s = seconds_of(line, arrived_s);
  const auto push = [&](ProgressKind kind) {
    points.push_back({.kind = kind, .at_s = at_s, .progress = last_position_});
  };
  if (line.mark == LogMark::settings || line.mark == LogMark::run_begin) {
    if (line.total_steps) total_steps_ = line.total_steps;
    if (line.total_epochs) total_epochs_ = line.total_epochs;
    return points;
  }
  if (line.phase == LogPhase::evaluation) {
    if (line.mark == LogMark::evaluation_end) {
      if (evaluating_) push(ProgressKind::evaluation_end);
      evaluating_ = false;
    } else if (!evaluating_) {
      evaluating_ = true;
      push(ProgressKind::evaluation_begin);
    }
    return points;
  }
  if (evaluating_) {
    evaluating_ = false;
    push(ProgressKind::evaluation_end);
  }
  if (line.mark == LogMark::checkpoint) push(ProgressKind::checkpoint);
  const auto position = position_of(line);
  const bool epoch_ended = line.mark == LogMark::epoch_end;
  if (position && std::isfinite(*position) && *position >= 0) {
    last_position_ = *position;
    push(epoch_ended ? ProgressKind::epoch_end : ProgressKind::step);
  } else if (epoch_ended) {
    push(ProgressKind::epoch_end);
  }
  return points;
}

std::optional<double> ProgressAssembler::total() const {
  if (!has_steps_) {
    if (total_epochs_) return total_epochs_;
    return total_steps_;
  }
  if (steps_of_an_epoch_ && total_epochs_) return *steps_of_an_epoch_ * *total_epochs_;
  return total_steps_;
}

}  // namespace galley::estimator
