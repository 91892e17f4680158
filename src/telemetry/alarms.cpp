// What is wrong with the platform itself, as a number that rules can look at.
#include "telemetry_impl.h"

namespace galley::telemetry {
namespace {

/// What is over is told as 0 for so long, so that every rule sees its end.
constexpr std::int64_t kMemoryMs = 10 * 60'000;
/// More than anybody reads; a fleet that breaks as a whole has many.
constexpr std::size_t kMostAlarms = 2'000;

}  // namespace

void Telemetry::alarms_from(std::function<std::vector<Alarm>()> source) {
  const std::lock_guard lock(impl_->work_mutex);
  impl_->alarm_source = std::move(source);
}

std::vector<Alarm> Telemetry::Impl::strangers() const {
  std::vector<std::pair<std::string, Alarm>> seen;  // by UUID
  const std::int64_t now = now_ms();
  for (const auto& [id, entry] : all()) {
    const std::lock_guard lock(entry->mutex);
    if (now - entry->sample_ms > kFreshMs) continue;
    for (const Entry::Gpu& gpu : entry->gpus)
      if (!gpu.stranger.empty())
        seen.emplace_back(
            gpu.uuid, Alarm{"unknown_process", entry->name + " GPU " + std::to_string(gpu.index),
                            gpu.stranger + " uses it beside the job that holds it"});
  }
  std::vector<Alarm> found;
  const std::lock_guard lock(standing_mutex);
  for (auto& [uuid, alarm] : seen)
    if (holders.contains(uuid)) found.push_back(std::move(alarm));
  return found;
}

void Telemetry::Impl::look_for_alarms(std::int64_t now) {
  std::vector<Alarm> found = strangers();
  if (alarm_source) {
    auto more = alarm_source();
    found.insert(found.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
  }
  const std::lock_guard lock(alarms_mutex);
  alarms_ms = now;
  for (Alarm& alarm : found) {
    const std::string key = alarm.name + " " + alarm.subject;
    if (alarms.size() >= kMostAlarms && !alarms.contains(key)) continue;
    alarms[key] = {std::move(alarm), now};
  }
  std::erase_if(alarms, [&](const auto& entry) { return now - entry.second.seen_ms > kMemoryMs; });
}

std::vector<Reading> Telemetry::Impl::alarm_readings() const {
  std::vector<Reading> readings;
  const std::lock_guard lock(alarms_mutex);
  for (const auto& [key, one] : alarms)
    readings.push_back({.subject = key,
                        .labels = {{"alarm", one.alarm.name}, {"evidence", one.alarm.evidence}},
                        .value = one.seen_ms == alarms_ms ? 1.0F : 0.0F});
  return readings;
}

}  // namespace galley::telemetry
