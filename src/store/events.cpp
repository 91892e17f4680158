#include "store/events.h"

namespace galley::store {

Status append_event(Transaction& transaction, const Event& event) {
  return transaction.enqueue(
      "insert into events (at_ms, kind, subject, data) values (:1, :2, :3, :4)",
      {event.at_ms, event.kind, event.subject, event.data});
}

Result<std::vector<Event>> read_events(Transaction& transaction, std::int64_t after_seq,
                                       std::span<const std::string> kinds, std::int64_t limit) {
  std::vector<Value> parameters{after_seq, limit};
  std::string filter;
  for (const std::string& kind : kinds) {
    parameters.emplace_back(kind);
    filter += (filter.empty() ? " and kind in (:" : ", :") + std::to_string(parameters.size());
  }
  if (!filter.empty()) filter += ")";
  GALLEY_TRY(auto rows, transaction.query("select seq, at_ms, kind, subject, data from events"
                                          " where seq > :1" +
                                              filter + " order by seq limit :2",
                                          std::move(parameters)));
  std::vector<Event> events;
  events.reserve(rows.size());
  for (const Row& row : rows)
    events.push_back({row.integer(0), row.integer(1), row.text(2), row.text(3), row.text(4)});
  return events;
}

Result<std::int64_t> last_event_seq(Transaction& transaction) {
  GALLEY_TRY(const auto row, transaction.query_one("select max(seq) from events"));
  return row->integer(0);
}

Status append_audit(Transaction& transaction, const AuditEntry& entry) {
  return transaction.enqueue(
      "insert into audit (at_ms, principal, action, subject, request_id, address)"
      " values (:1, :2, :3, :4, :5, :6)",
      {entry.at_ms, entry.principal, entry.action, entry.subject, entry.request_id, entry.address});
}

}  // namespace galley::store
