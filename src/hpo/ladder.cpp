#include "hpo/ladder.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace galley::hpo {
namespace {

/// Shares are quotients of decimal numbers: a third of 81 epochs is 27, whatever rounding says.
constexpr double kShareSlack = 1e-9;
constexpr double kWorstLoss = std::numeric_limits<double>::infinity();

}  // namespace

double normal_quantile(double probability) {
  // Rational approximation (Acklam 2003), relative error below 1.2e-9: ample for ranks.
  const double p = std::clamp(probability, 1e-12, 1 - 1e-12);
  const auto tail = [](double q) {
    return (((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q -
              2.549732539343734) *
                 q +
             4.374664141464968) *
                q +
            2.938163982698783) /
           ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q +
             3.754408661907416) *
                q +
            1);
  };
  if (p < 0.02425) return tail(std::sqrt(-2 * std::log(p)));
  if (p > 1 - 0.02425) return -tail(std::sqrt(-2 * std::log(1 - p)));
  const double q = p - 0.5;
  const double r = q * q;
  return (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r +
            1.383577518672690e+02) *
               r -
           3.066479806614716e+01) *
              r +
          2.506628277459239) *
         q /
         (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r +
            6.680131188771972e+01) *
               r -
           1.328068155288572e+01) *
              r +
          1);
}

Ladder::Ladder(std::vector<double> marks) : marks_(std::move(marks)) {
  GALLEY_CHECK(!marks_.empty() && std::ranges::is_sorted(marks_), "marks rise");
}

const Ladder::Rankings& Ladder::rankings() const {
  if (rankings_) return *rankings_;
  rankings_.emplace(
      Rankings{std::vector<Ranking>(marks_.size()), std::vector<Ranking>(marks_.size())});
  for (const auto& [trial, place] : places_) {
    for (std::size_t mark = 0; mark < place.losses.size(); ++mark)
      rankings_->passed[mark].insert({place.losses[mark], trial});
    if (!place.failed && !place.losses.empty())
      rankings_->resting[place.losses.size() - 1].insert({place.losses.back(), trial});
  }
  return *rankings_;
}

std::optional<std::size_t> Ladder::place(TrialNumber trial, double share, double loss) {
  if (share < marks_[0] - kShareSlack) return std::nullopt;
  if (std::isnan(loss)) loss = kWorstLoss;
  Place& known = places_[trial];
  if (known.failed) return std::nullopt;
  const std::size_t before = known.losses.size();
  for (std::size_t mark = before; mark < marks_.size() && share >= marks_[mark] - kShareSlack;
       ++mark) {
    known.losses.push_back(loss);
    if (rankings_) rankings_->passed[mark].insert({loss, trial});
  }
  const std::size_t after = known.losses.size();
  if (after == before) return std::nullopt;
  if (rankings_) {
    if (before > 0) rankings_->resting[before - 1].erase({known.losses[before - 1], trial});
    rankings_->resting[after - 1].insert({loss, trial});
  }
  return after - 1;
}

void Ladder::fail(TrialNumber trial) {
  Place& known = places_[trial];
  if (known.failed) return;
  const std::vector<double> losses(std::max<std::size_t>(known.losses.size(), 1), kWorstLoss);
  if (rankings_) {
    for (std::size_t mark = 0; mark < known.losses.size(); ++mark)
      rankings_->passed[mark].erase({known.losses[mark], trial});
    if (!known.losses.empty())
      rankings_->resting[known.losses.size() - 1].erase({known.losses.back(), trial});
    for (std::size_t mark = 0; mark < losses.size(); ++mark)
      rankings_->passed[mark].insert({kWorstLoss, trial});
  }
  known.losses = losses;
  known.failed = true;
  ++failed_;
}

std::size_t Ladder::rank(std::size_t mark, TrialNumber trial) const {
  return passed(mark).order_of_key({places_.at(trial).losses[mark], trial});
}

std::optional<std::size_t> Ladder::last_mark(TrialNumber trial) const {
  const auto found = places_.find(trial);
  if (found == places_.end() || found->second.failed) return std::nullopt;
  return found->second.losses.size() - 1;
}

std::optional<Ladder::Entry> Ladder::last_entry(TrialNumber trial) const {
  const auto found = places_.find(trial);
  if (found == places_.end() || found->second.failed) return std::nullopt;
  return Entry{found->second.losses.back(), trial};
}

std::optional<double> Ladder::score(TrialNumber trial) const {
  const auto found = places_.find(trial);
  if (found == places_.end()) return std::nullopt;
  // Trials that are equal share the middle of their ranks.
  double below = 0;
  double tied = static_cast<double>(failed_);
  if (!found->second.failed) {
    const std::size_t last = found->second.losses.size() - 1;
    const double loss = found->second.losses.back();
    below = tied;
    for (std::size_t mark = 0; mark < last; ++mark)
      below += static_cast<double>(resting(mark).size());
    constexpr auto kLeast = std::numeric_limits<TrialNumber>::min();
    constexpr auto kGreatest = std::numeric_limits<TrialNumber>::max();
    const std::size_t better = resting(last).order_of_key({loss, kLeast});
    const std::size_t not_worse = resting(last).order_of_key({loss, kGreatest});
    tied = static_cast<double>(not_worse - better);
    below += static_cast<double>(resting(last).size() - not_worse);
  }
  return normal_quantile((below + tied / 2) / static_cast<double>(places_.size()));
}

}  // namespace galley::hpo
