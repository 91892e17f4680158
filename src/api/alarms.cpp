// What the alert "platform" is about.
#include <fmt/format.h>

#include <chrono>

#include "context.h"
#include "controller/controller.h"
#include "controller/leadership.h"
#include "estimates/live_etas.h"
#include "late_jobs.h"
#include "protocol/health.h"

namespace galley::api {
namespace {

using telemetry::Alarm;

/// What people wait for is slow long before this; a database that needs a second has a fault.
constexpr std::chrono::milliseconds kSlowRead{1'000};
/// A change of the lead is over when it has happened; people should hear of it all the same.
constexpr std::chrono::minutes kLeadIsNews{10};

void add_health(const Context& context, std::vector<Alarm>& alarms) {
  const auto records = context.services.controller.health();
  if (!records) return;
  std::size_t held = 0;
  for (const auto& record : *records) {
    const std::string subject =
        record.index ? fmt::format("{} GPU {}", record.node, *record.index) : record.node;
    const bool by_us = record.owner == "automatic";
    const bool excluded = record.state == protocol::HealthState::excluded ||
                          record.state == protocol::HealthState::probing;
    if (by_us && excluded)
      alarms.push_back({record.gpu ? "gpu_excluded" : "node_excluded", subject,
                        fmt::format("{}: {}", protocol::word_of(record.reason), record.evidence)});
    if (record.quarantined)
      alarms.push_back({"flap_quarantine", subject,
                        fmt::format("it failed {} times in a day", record.exclusions_24h)});
    held += record.held_by_cap ? 1 : 0;
  }
  if (held > 0)
    alarms.push_back(
        {"fleet_cap_reached", "fleet",
         fmt::format("{} faulty ones still work because too many others are out", held)});
}

void add_nodes(const Context& context, std::vector<Alarm>& alarms) {
  for (const auto& node : context.services.controller.nodes()) {
    if (node.state == "down") alarms.push_back({"node_down", node.name, "nothing is heard of it"});
    for (const std::string& note : node.notes)
      if (note.starts_with("its disk is full")) alarms.push_back({"spool_full", node.name, note});
  }
}

void add_database(const Context& context, std::vector<Alarm>& alarms) {
  const auto begin = std::chrono::steady_clock::now();
  const auto read = context.services.database.read([](store::Transaction& transaction) -> Status {
    GALLEY_TRY([[maybe_unused]] const auto row, transaction.query_one("select 1"));
    return ok();
  });
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  if (!read)
    alarms.push_back({"database_lost", "database", describe(read.error())});
  else if (took >= kSlowRead)
    alarms.push_back(
        {"database_slow", "database", fmt::format("one row took {} ms to read", took.count())});
}

void add_controllers(const Context& context, std::vector<Alarm>& alarms) {
  const auto* leadership = context.services.leadership;
  if (leadership == nullptr) return;
  if (const auto epoch = leadership->epoch();
      epoch && *epoch > 1 && context.services.clock.wall() - context.started < kLeadIsNews)
    alarms.push_back({"lead_changed", fmt::format("epoch {}", *epoch),
                      "another controller led before " + context.url()});
  if (const auto all = leadership->controllers())
    for (const auto& one : *all)
      if (one.role == "gone")
        alarms.push_back({"controller_lost", one.name, "it was not heard of for 10 s"});
}

void add_late_jobs(const Context& context, std::vector<Alarm>& alarms) {
  const auto expected_start = [&](const JobId& job) -> std::optional<WallTime> {
    const auto why = context.services.controller.why(job);
    if (!why || !why->start) return std::nullopt;
    return why->start->typical_at;
  };
  const auto expected_end = [&](const JobId& job) -> std::optional<WallTime> {
    auto* etas = context.services.live_etas;
    const auto eta = etas != nullptr ? etas->eta(job) : std::nullopt;
    if (!eta || eta->from != protocol::EtaBasis::progress) return std::nullopt;
    return eta->finish_at;
  };
  auto late = late_jobs(context.services.database, context.services.clock.wall(), expected_start,
                        expected_end);
  if (!late) return;  // the database has an alarm of its own
  for (LateJob& job : *late) alarms.push_back({"late_job", job.id.str(), std::move(job.why)});
}

}  // namespace

std::vector<Alarm> platform_alarms(const Context& context) {
  std::vector<Alarm> alarms;
  add_database(context, alarms);
  // The others would wait for it too, and find nothing.
  if (!alarms.empty() && alarms.front().name == "database_lost") return alarms;
  add_health(context, alarms);
  add_nodes(context, alarms);
  add_controllers(context, alarms);
  add_late_jobs(context, alarms);
  return alarms;
}

}  // namespace galley::api
