#include "hpo/pool.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <tuple>

namespace galley::hpo {
namespace {

constexpr double kEarlyDoubt = 0.1;

double reliability_squared(double share) { return share / (share + kEarlyDoubt); }

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double expected_end(double score, double share) {
  return std::sqrt(reliability_squared(share)) * score;
}

}  // namespace

std::string_view to_string(TrialState state) {
  switch (state) {
    case TrialState::waiting:
      return "waiting";
    case TrialState::running:
      return "running";
    case TrialState::leaving:
      return "leaving";
    case TrialState::stopped:
      return "stopped";
    case TrialState::dead:
      return "dead";
    case TrialState::finished:
      return "finished";
    case TrialState::failed:
      return "failed";
    case TrialState::infeasible:
      return "infeasible";
  }
  return "unknown";
}

Prospects::Prospects(std::span<const Known> known, std::size_t count) {
  const auto all = static_cast<double>(std::max(count, known.size()));
  const double floor = normal_quantile((all + 1) / (all + 2));
  best_ = second_ = -std::numeric_limits<double>::infinity();
  for (const auto& one : known) {
    const double end = expected_end(one.score, one.share);
    if (end > best_) {
      second_ = best_;
      best_ = end;
      best_trial_ = one.trial;
    } else {
      second_ = std::max(second_, end);
    }
  }
  best_ = std::max(best_, floor);
  second_ = std::max(second_, floor);
}

Prospect Prospects::against(double score, double share, double best) const {
  const double mean = expected_end(score, share);
  const double deviation = std::sqrt(std::max(1e-4, 1 - reliability_squared(share)));
  const double u = (mean - best) / deviation;
  const double chance = normal_cdf(u);
  const double density = std::exp(-0.5 * u * u) / std::sqrt(2 * std::numbers::pi);
  return {chance, std::max(0.0, deviation * (u * chance + density))};
}

Prospect Prospects::of(TrialNumber trial, double score, double share) const {
  return against(score, share, trial == best_trial_ ? second_ : best_);
}

Prospect Prospects::of_new() const { return against(0, 0, best_); }

void StopPool::enter(const Trial& trial, const Ladder& ladder) {
  if (trial.repeat_of < 0) searching_.insert(trial.number);
  if (trial.is_interrupted) {
    interrupted_.insert(trial.number);
  } else if (trial.repeat_of < 0) {
    const auto mark = ladder.last_mark(trial.number);
    const auto entry = ladder.last_entry(trial.number);
    judged_[mark ? *mark + 1 : 0].insert(entry.value_or(Ladder::Entry{0, trial.number}));
    ++judged_count_;
  }
}

void StopPool::leave(const Trial& trial, const Ladder& ladder) {
  searching_.erase(trial.number);
  if (interrupted_.erase(trial.number) != 0 || trial.repeat_of >= 0) return;
  const auto mark = ladder.last_mark(trial.number);
  const auto entry = ladder.last_entry(trial.number);
  judged_count_ -=
      judged_[mark ? *mark + 1 : 0].erase(entry.value_or(Ladder::Entry{0, trial.number}));
}

std::vector<TrialNumber> least_loss(std::vector<Holder> holders, std::size_t count) {
  const auto cost = [](const Holder& holder) {
    return std::tuple(holder.unsaved_s * holder.chance, holder.chance, -holder.trial);
  };
  std::ranges::sort(holders, {}, cost);
  std::vector<TrialNumber> chosen;
  for (std::size_t i = 0; i < std::min(count, holders.size()); ++i)
    chosen.push_back(holders[i].trial);
  return chosen;
}

}  // namespace galley::hpo
