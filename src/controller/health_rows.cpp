#include "health_rows.h"

#include <algorithm>

#include "base/json.h"
#include "health_keeper.h"
#include "job_rows.h"
#include "store/events.h"

namespace galley::controller {
namespace {

using cluster::FaultReason;
using cluster::Health;
using cluster::Subject;
using protocol::word_of;
using store::Transaction;
using store::Value;

Value optional_ms(const std::optional<WallTime>& time) {
  return time ? Value(to_ms(*time)) : Value(nullptr);
}

std::string details_of(const Health& health) {
  Json exclusions = Json::array();
  for (const WallTime at : health.exclusions) exclusions.push_back(to_ms(at));
  Json details{{"exclusions_ms", std::move(exclusions)},
               {"failed_tests", health.failed_tests},
               {"gone", health.gone},
               {"counted", health.counted},
               {"faulty", health.faulty},
               {"quarantined", health.quarantined},
               {"fault", std::string(word_of(health.fault))}};
  if (health.waived) details["waived"] = std::string(word_of(*health.waived));
  return dump_json(details);
}

FaultReason reason_of(const Json& details, const char* key) {
  return protocol::from_word<FaultReason>(details.value(key, std::string()))
      .value_or(FaultReason::none);
}

Status read_details(const std::string& text, Health& health) {
  GALLEY_TRY(const Json details, parse_json(text));
  try {
    for (const Json& at : details.at("exclusions_ms"))
      health.exclusions.push_back(from_ms(at.get<std::int64_t>()));
    health.failed_tests = details.at("failed_tests").get<int>();
    health.gone = details.at("gone").get<bool>();
    health.counted = details.at("counted").get<bool>();
    health.faulty = details.at("faulty").get<bool>();
    health.quarantined = details.at("quarantined").get<bool>();
    health.fault = reason_of(details, "fault");
    if (details.contains("waived")) health.waived = reason_of(details, "waived");
  } catch (const Json::exception& error) {
    return Error{Errc::corrupt, std::string("stored health cannot be read: ") + error.what()};
  }
  return ok();
}

}  // namespace

Result<std::vector<std::pair<Subject, Health>>> read_health(store::Database& database) {
  std::vector<std::pair<Subject, Health>> all;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    all.clear();
    GALLEY_TRY(const auto rows,
               transaction.query("select node_id, gpu, state, reason, evidence, owner, since_ms, "
                                 "expires_ms, next_test_ms, details from health"));
    for (const store::Row& row : rows) {
      Health health;
      health.state =
          protocol::from_word<cluster::HealthState>(row.text(2)).value_or(cluster::HealthState::ok);
      health.reason = protocol::from_word<FaultReason>(row.text(3)).value_or(FaultReason::none);
      health.evidence = row.text(4);
      health.owner = row.text(5);
      health.since = from_ms(row.integer(6));
      health.expires_at = time_of(row, 7);
      health.next_test_at = time_of(row, 8);
      GALLEY_TRY_STATUS(read_details(row.text(9), health));
      // Whoever was asked for the test may not have heard of it: it is asked for again.
      if (health.state == cluster::HealthState::probing) {
        health.state = cluster::HealthState::excluded;
        health.next_test_at = health.since;
      }
      all.emplace_back(Subject{NodeId::trusted(row.text(0)), row.text(1)}, std::move(health));
    }
    return ok();
  }));
  return all;
}

Status save_transitions(Transaction& transaction,
                        const std::vector<cluster::Transition>& transitions, WallTime at) {
  for (const auto& [subject, from, now] : transitions) {
    const std::string state(word_of(now.state));
    const std::string reason(word_of(now.reason));
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into health (node_id, gpu, state, reason, evidence, owner, since_ms, expires_ms, "
        "next_test_ms, details) values (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10) on conflict "
        "(node_id, gpu) do update set state = excluded.state, reason = excluded.reason, evidence = "
        "excluded.evidence, owner = excluded.owner, since_ms = excluded.since_ms, expires_ms = "
        "excluded.expires_ms, next_test_ms = excluded.next_test_ms, details = excluded.details",
        {subject.node.str(), subject.gpu, state, reason, now.evidence, now.owner, to_ms(now.since),
         optional_ms(now.expires_at), optional_ms(now.next_test_at), details_of(now)}));
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into health_events (at_ms, node_id, gpu, from_state, to_state, reason, evidence, "
        "owner) values (:1, :2, :3, :4, :5, :6, :7, :8)",
        {to_ms(at), subject.node.str(), subject.gpu, std::string(word_of(from)), state, reason,
         now.evidence, now.owner}));
    Json data{{"state", state},
              {"from", std::string(word_of(from))},
              {"reason", reason},
              {"evidence", now.evidence}};
    if (!subject.gpu.empty()) data["gpu"] = subject.gpu;
    GALLEY_TRY_STATUS(store::append_event(transaction, {.at_ms = to_ms(at),
                                                        .kind = "health",
                                                        .subject = subject.node.str(),
                                                        .data = dump_json(data)}));
  }
  return ok();
}

Result<protocol::AttemptReport> blame_hardware(Transaction& transaction,
                                               protocol::AttemptReport report) {
  if (report.state != protocol::AttemptState::failed) return report;
  GALLEY_TRY(const auto row,
             transaction.query_one(
                 "select h.evidence from allocations a join health h on h.node_id = a.node_id and "
                 "(h.gpu = a.device_id or h.gpu = '') where a.attempt_id = :1 and a.active = 1 and "
                 "a.device_id is not null and h.owner = 'automatic' and h.state = 'excluded' "
                 "order by h.gpu desc",
                 {report.attempt_id.str()}));
  if (!row) return report;
  report.state = protocol::AttemptState::lost;
  report.reason = "its GPU failed: " + row->text(0);
  return report;
}

}  // namespace galley::controller
