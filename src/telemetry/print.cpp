#include "telemetry_impl.h"

namespace galley::telemetry {
namespace {

struct OwnerFamily {
  Family family;
  double FleetCounts::*count;
};

constexpr auto kTeamFamilies = std::to_array<OwnerFamily>({
    {{"galley_team_allocated_gpus", "GPUs that the jobs of a team hold.", "gauge"},
     &FleetCounts::gpus_allocated},
    {{"galley_team_idle_gpus", "GPUs that a team holds and has not used for five minutes.",
      "gauge"},
     &FleetCounts::gpus_idle},
    {{"galley_team_queued_jobs", "Jobs of a team that wait.", "gauge"}, &FleetCounts::queued_jobs},
    {{"galley_team_queue_oldest_seconds", "How long the team's oldest waiting job has waited.",
      "gauge"},
     &FleetCounts::oldest_queued_s},
});
constexpr auto kUserFamilies = std::to_array<OwnerFamily>({
    {{"galley_user_allocated_gpus", "GPUs that the jobs of a user hold.", "gauge"},
     &FleetCounts::gpus_allocated},
    {{"galley_user_idle_gpus", "GPUs that a user holds and has not used for five minutes.",
      "gauge"},
     &FleetCounts::gpus_idle},
});
constexpr auto kFleetFamilies = std::to_array<OwnerFamily>({
    {{"galley_fleet_nodes_reporting", "Machines heard of within a minute.", "gauge"},
     &FleetCounts::nodes_reporting},
    {{"galley_fleet_gpus", "GPUs of those machines.", "gauge"}, &FleetCounts::gpus},
    {{"galley_fleet_allocated_gpus", "GPUs given to jobs.", "gauge"}, &FleetCounts::gpus_allocated},
    {{"galley_fleet_idle_gpus", "GPUs given to jobs that have not used them for five minutes.",
      "gauge"},
     &FleetCounts::gpus_idle},
    {{"galley_fleet_power_watts", "Power drawn by all GPUs.", "gauge"}, &FleetCounts::power_watts},
    {{"galley_queue_oldest_seconds", "How long the oldest waiting job has waited.", "gauge"},
     &FleetCounts::oldest_queued_s},
});

/// So long after the last scrape nobody is waited for.
constexpr std::int64_t kAskedMs = 5 * 60'000;

void print_line(std::string& out, std::string_view name, std::string_view labels, double value) {
  out += name;
  out += labels;
  out += ' ';
  print_number(out, value);
  out += '\n';
}

void print_owners(std::string& out, std::span<const OwnerFamily> families, std::string_view label,
                  const std::map<std::string, FleetCounts>& owners) {
  for (const OwnerFamily& one : families) {
    print_family(out, one.family);
    for (const auto& [name, counts] : owners)
      print_line(out, one.family.name, "{" + std::string(label) + "=\"" + escaped(name) + "\"}",
                 counts.*one.count);
  }
}

void print_waits(std::string& out, const WaitCounts& waits) {
  const std::string name = "galley_job_queue_wait_seconds";
  print_family(out,
               {name, "Time from acceptance to start of jobs that have started.", "histogram"});
  std::int64_t total = 0;
  for (std::size_t i = 0; i < waits.counts.size(); ++i) {
    total += waits.counts[i];
    std::string bound = "+Inf";
    if (i < WaitCounts::kBoundsSeconds.size()) {
      bound.clear();
      print_number(bound, WaitCounts::kBoundsSeconds[i]);
    }
    print_line(out, name, "_bucket{le=\"" + bound + "\"}", static_cast<double>(total));
  }
  print_line(out, name, "_sum", waits.sum_s);
  print_line(out, name, "_count", static_cast<double>(total));
}

}  // namespace

void Telemetry::print(std::string& out) const { impl_->print(out); }

void Telemetry::Impl::print(std::string& out) const {
  const std::int64_t now = now_ms();
  std::vector<std::shared_ptr<const NodeText>> texts;
  std::size_t bytes = 0;
  for (const auto& [id, entry] : all()) {
    const std::lock_guard lock(entry->mutex);
    // Of a machine that fell silent nothing is shown: its last values would look like now's.
    if (!entry->text || now - entry->sample_ms > kFreshMs) continue;
    texts.push_back(entry->text);
    bytes += entry->text->bytes();
  }
  constexpr std::size_t kRoomForTheRest = 64 * 1024;
  out.reserve(out.size() + bytes + kRoomForTheRest);
  const auto families = node_families();
  for (std::size_t i = 0; i < families.size(); ++i) {
    print_family(out, families[i]);
    for (const auto& text : texts) out += text->lines(i);
  }
  const std::lock_guard lock(standing_mutex);
  print_owners(out, kTeamFamilies, "team", standing.teams);
  print_owners(out, kUserFamilies, "user", standing.users);
  for (const OwnerFamily& one : kFleetFamilies) {
    print_family(out, one.family);
    print_line(out, one.family.name, "", standing.fleet.*one.count);
  }
  print_family(out, {"galley_fleet_gpu_utilization_ratio",
                     "Mean utilisation over all GPUs that report.", "gauge"});
  print_line(out, "galley_fleet_gpu_utilization_ratio", "",
             standing.fleet.gpus > 0 ? standing.fleet.utilization_sum / standing.fleet.gpus : 0);
  print_waits(out, standing.waits);
}

std::shared_ptr<const std::string> Telemetry::text() const {
  const std::int64_t now = impl_->now_ms();
  const std::lock_guard lock(impl_->text_mutex);
  impl_->asked_ms = now;
  if (impl_->last_text && now - impl_->text_ms <= 2 * impl_->options.period.count())
    return impl_->last_text;
  auto made = std::make_shared<std::string>();
  impl_->print(*made);
  impl_->last_text.reset();
  if (made->size() < kLargeTextBytes) return made;
  impl_->last_text = made;
  impl_->text_ms = now;
  return made;
}

void Telemetry::Impl::renew_text(std::int64_t now) {
  {
    const std::lock_guard lock(text_mutex);
    if (now - asked_ms > kAskedMs) last_text.reset();
    if (!last_text) return;
  }
  auto made = std::make_shared<std::string>();
  print(*made);
  const std::lock_guard lock(text_mutex);
  last_text = std::move(made);
  text_ms = now;
}

}  // namespace galley::telemetry
