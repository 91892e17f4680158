// How a study ends: its limits, the race of the finalists over seeds, the winner.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "hpo/study.h"

namespace galley::hpo {
namespace {

constexpr std::size_t kFinalists = 3;
constexpr std::int64_t kHopelessTrials = 20;
constexpr double kRaceErrors = 2;  // standard errors of a difference that decide

}  // namespace

std::optional<TrialNumber> Study::best() const {
  if (!finalists_.empty()) {
    std::int64_t runs = 0;
    return *std::ranges::min_element(
        finalists_, {}, [&](TrialNumber finalist) { return mean_loss(finalist, runs); });
  }
  std::optional<TrialNumber> best;
  for (const auto& trial : trials_) {
    if (trial.state != TrialState::finished || trial.repeat_of >= 0) continue;
    const double loss = loss_of(trial);
    if (std::isnan(loss)) continue;
    if (!best || loss < loss_of(at(*best))) best = trial.number;
  }
  return best;
}

double Study::mean_loss(TrialNumber finalist, std::int64_t& runs) const {
  double sum = 0;
  runs = 0;
  for (const auto& trial : trials_) {
    if (trial.number != finalist && trial.repeat_of != finalist) continue;
    if (trial.state != TrialState::finished || std::isnan(loss_of(trial))) continue;
    sum += loss_of(trial);
    ++runs;
  }
  return runs == 0 ? std::numeric_limits<double>::infinity() : sum / static_cast<double>(runs);
}

void Study::check_limits() {
  if (!is_searching_) {
    if (!race()) end_study(why_over_);
    return;
  }
  const auto& end = spec_.termination;
  if (useful_ == 0 && ended_ >= kHopelessTrials)
    close_search(
        fmt::format("none of the first {} trials reported {}", ended_, spec_.measures[0].name));
  else if (end.max_hours && now_s_ >= *end.max_hours * 3600)
    close_search(fmt::format("its {:g} hours are over", *end.max_hours));
  else if (end.max_gpu_hours && gpu_seconds() >= *end.max_gpu_hours * 3600)
    close_search(fmt::format("its {:g} GPU-hours are used up", *end.max_gpu_hours));
  else if (at_target_)
    close_search(fmt::format("trial {} reached the target {:g}: {} is {:g}", *at_target_,
                             *end.target, spec_.measures[0].name, at(*at_target_).objectives[0]));
}

void Study::check_idle() {
  if (is_over_ || !is_searching_ || used_ > 0 || slots_ <= 0 || trials_.empty()) return;
  // Slots were offered and nothing took one.
  close_search(stop_pool_.searching().empty() ? "all its trials have ended"
                                              : "no stopped trial is worth reviving");
  if (!is_over_) fill();
}

void Study::close_search(std::string why) {
  why_over_ = std::move(why);
  is_searching_ = false;
  start_race();
  if (!race()) end_study(why_over_);
}

void Study::start_race() {
  for (auto& trial : trials_)
    if (trial.state == TrialState::waiting || trial.state == TrialState::running) {
      trial.is_interrupted = false;
      order_out(trial, Action::Kind::pause, "the search is over: " + why_over_);
    } else if (trial.state == TrialState::stopped && trial.is_interrupted) {
      stop_pool_.leave(trial, *ladder_);
      trial.is_interrupted = false;
      stop_pool_.enter(trial, *ladder_);
    }
  if (spec_.seeds < 2) return;
  std::vector<std::pair<double, TrialNumber>> order;
  for (const auto& trial : trials_)
    if (trial.state == TrialState::finished && !std::isnan(loss_of(trial)))
      order.emplace_back(loss_of(trial), trial.number);
  std::ranges::sort(order);
  for (std::size_t i = 0; i < std::min(kFinalists, order.size()); ++i)
    finalists_.push_back(order[i].second);
}

bool Study::race() {
  if (finalists_.empty()) return false;
  if (open_repetitions_ > 0 || !to_repeat_.empty()) return true;
  if (race_round_ > 1) drop_losers();
  if (race_round_ >= spec_.seeds || finalists_.size() < 2) return false;
  ++race_round_;
  to_repeat_.assign(finalists_.rbegin(), finalists_.rend());
  return true;
}

void Study::drop_losers() {
  // Whoever is clearly behind the leader leaves; the spread is that of all finalists' runs.
  double squares = 0;
  std::int64_t freedom = 0;
  std::int64_t runs = 0;
  for (const TrialNumber finalist : finalists_) {
    const double mean = mean_loss(finalist, runs);
    for (const auto& trial : trials_)
      if ((trial.number == finalist || trial.repeat_of == finalist) &&
          trial.state == TrialState::finished && !std::isnan(loss_of(trial)))
        squares += (loss_of(trial) - mean) * (loss_of(trial) - mean);
    freedom += runs - 1;
  }
  const double variance = freedom > 0 ? squares / static_cast<double>(freedom) : 0;
  std::int64_t leader_runs = 0;
  const double leader = mean_loss(*best(), leader_runs);
  std::erase_if(finalists_, [&](TrialNumber finalist) {
    const double mean = mean_loss(finalist, runs);
    const double error = std::sqrt(variance / static_cast<double>(runs) +
                                   variance / static_cast<double>(leader_runs));
    return mean - leader > kRaceErrors * error;
  });
}

void Study::end_study(std::string why) {
  is_over_ = true;
  why_over_ = std::move(why);
  const auto winner = best();
  actions_.push_back({.kind = Action::Kind::finish,
                      .trial = winner.value_or(-1),
                      .attempt = 0,
                      .point = winner ? at(*winner).point : Point{},
                      .why = why_over_});
}

}  // namespace galley::hpo
