#include "history.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace galley::hpo {
namespace {

constexpr double kWhole = std::numeric_limits<double>::infinity();
constexpr std::size_t kEnoughResults = 8;  // beside one a parameter

}  // namespace

std::size_t History::start(TrialNumber trial, const Point& point) {
  const auto [found, is_new] = rows_.try_emplace(trial, static_cast<std::uint32_t>(size()));
  const std::uint32_t row = found->second;
  if (is_new) {
    points_.insert(points_.end(), point.begin(), point.end());
    values_.push_back(std::nan(""));
    resources_.push_back(0);
    objectives_.emplace_back();
    states_.push_back(State::running);
    seen_.insert(Space::hash(point));
    running_.push_back(row);
  } else if (states_[row] == State::forgotten) {
    states_[row] = State::running;
    running_.push_back(row);
  }
  return row;
}

bool History::is_before(std::uint32_t a, std::uint32_t b) const {
  const double reach_a = std::min(resources_[a], reference_);
  const double reach_b = std::min(resources_[b], reference_);
  if (reach_a != reach_b) return reach_a > reach_b;
  if (values_[a] != values_[b]) return values_[a] < values_[b];
  return a < b;
}

const std::vector<std::uint32_t>& History::ranking() const {
  const auto before = [this](std::uint32_t a, std::uint32_t b) { return is_before(a, b); };
  const auto added = ranking_.begin() + static_cast<std::ptrdiff_t>(ranked_);
  if (ranking_.end() - added == 1) {
    std::rotate(std::lower_bound(ranking_.begin(), added, *added, before), added, ranking_.end());
  } else if (added != ranking_.end()) {
    std::sort(added, ranking_.end(), before);
    std::inplace_merge(ranking_.begin(), added, ranking_.end(), before);
  }
  ranked_ = ranking_.size();
  return ranking_;
}

void History::leave_lists(std::uint32_t row) {
  if (states_[row] == State::finished) {
    const auto at = std::ranges::lower_bound(
        ranking(), row, [this](std::uint32_t a, std::uint32_t b) { return is_before(a, b); });
    ranking_.erase(at);
    ranked_ = ranking_.size();
    if (--at_resource_[resources_[row]] == 0) at_resource_.erase(resources_[row]);
    return;
  }
  // Running rows are few and most often the oldest ends first; failed ones rarely change.
  if (states_[row] == State::running) std::erase(running_, row);
  if (states_[row] == State::failed) std::erase(failed_, row);
}

void History::update_reference() {
  std::size_t reached = 0;
  double reference = at_resource_.begin()->first;
  for (auto at = at_resource_.rbegin(); at != at_resource_.rend(); ++at) {
    reached += at->second;
    if (reached < dims_ + kEnoughResults) continue;
    reference = at->first;
    break;
  }
  if (reference == reference_) return;
  reference_ = reference;
  ranked_ = 0;
}

std::size_t History::observe(const Observation& observation) {
  const auto row = static_cast<std::uint32_t>(start(observation.trial, observation.point));
  const double resource = observation.resource > 0 ? observation.resource : kWhole;
  const bool has_result = states_[row] == State::finished || states_[row] == State::failed;
  if (has_result && resource < resources_[row]) return row;
  leave_lists(row);
  ++observed_count_;
  resources_[row] = resource;
  const bool is_finite =
      !observation.objectives.empty() &&
      std::ranges::all_of(observation.objectives, [](double v) { return std::isfinite(v); });
  if (!is_finite) {
    states_[row] = State::failed;
    values_[row] = std::nan("");
    objectives_[row].clear();
    failed_.push_back(row);
    return row;
  }
  states_[row] = State::finished;
  values_[row] = observation.objectives.front();
  if (observation.objectives.size() > 1) objectives_[row] = observation.objectives;
  ++at_resource_[resource];
  update_reference();
  ranking_.push_back(row);
  return row;
}

void History::forget(TrialNumber trial) {
  const auto found = rows_.find(trial);
  if (found == rows_.end() || states_[found->second] != State::running) return;
  std::erase(running_, found->second);
  states_[found->second] = State::forgotten;
}

}  // namespace galley::hpo
