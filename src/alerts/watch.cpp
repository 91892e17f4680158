#include "alerts/watch.h"

#include <algorithm>

namespace galley::alerts {

bool Watch::matches(const telemetry::Reading& reading) const {
  return std::ranges::all_of(rule_.labels, [&](const auto& wanted) {
    return std::ranges::any_of(reading.labels, [&](const auto& label) {
      return label.first == wanted.first && label.second == wanted.second;
    });
  });
}

bool Watch::is_clear(double value) const {
  return rule_.until ? rule_.until->holds(value) : !rule_.bound.holds(value);
}

void Watch::take(const telemetry::Reading& reading, WallTime now, std::vector<Change>& changes) {
  const auto value = static_cast<double>(reading.value);
  auto found = states_.find(reading.subject);
  if (found == states_.end()) {
    if (!rule_.bound.holds(value)) return;
    found = states_.emplace(reading.subject, State{}).first;
    found->second.since = now;
    found->second.labels.assign(reading.labels.begin(), reading.labels.end());
  }
  State& state = found->second;
  if (!state.firing && now - state.seen > kPendingSilence) state.since = now;
  state.seen = now;
  state.value = value;
  if (!state.firing) {
    if (!rule_.bound.holds(value)) {
      states_.erase(found);
      return;
    }
    if (now - state.since < rule_.hold) return;
    state.firing = true;
    changes.push_back({true, found->first, state.labels, value, state.since, now});
    return;
  }
  if (!is_clear(value)) {
    state.clear_since.reset();
    return;
  }
  if (!state.clear_since) state.clear_since = now;
  if (now - *state.clear_since < std::min(rule_.hold, kLongestClear)) return;
  changes.push_back({false, found->first, state.labels, value, state.since, now});
  states_.erase(found);
}

std::vector<Change> Watch::step(std::span<const telemetry::Reading> readings, WallTime now) {
  std::vector<Change> changes;
  for (const telemetry::Reading& reading : readings)
    if (matches(reading)) take(reading, now, changes);
  std::erase_if(states_, [&](const auto& one) {
    const State& state = one.second;
    if (!state.firing) return now - state.seen > kPendingSilence;
    if (now - state.seen <= std::max(kFiringSilence, rule_.hold)) return false;
    changes.push_back({false, one.first, state.labels, state.value, state.since, now, true});
    return true;
  });
  return changes;
}

void Watch::restore(const std::string& subject, WallTime since, double value, WallTime now) {
  states_[subject] = State{
      .firing = true, .since = since, .seen = now, .clear_since = {}, .value = value, .labels = {}};
}

std::size_t Watch::firing() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(states_, [](const auto& one) { return one.second.firing; }));
}

}  // namespace galley::alerts
