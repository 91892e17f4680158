#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace galley::store {

/// A change that people may watch, written in the transaction that makes the change.
struct Event {
  std::int64_t seq = 0;  // given by the store; grows in the order of commits
  std::int64_t at_ms = 0;
  std::string kind;     // "job", "node", "run", "snapshot", "channel", …
  std::string subject;  // the id or name of what changed
  std::string data;     // a JSON object, already printed
};

/// The store gives it its seq.
Status append_event(Transaction& transaction, const Event& event);

/// The oldest `limit` events after `after_seq`, of the kinds named; no kinds means all of them.
Result<std::vector<Event>> read_events(Transaction& transaction, std::int64_t after_seq,
                                       std::span<const std::string> kinds, std::int64_t limit);

/// The seq of the newest event, 0 when there is none: where a new watcher starts.
Result<std::int64_t> last_event_seq(Transaction& transaction);

/// Who did what to which object.
struct AuditEntry {
  std::int64_t at_ms = 0;
  std::string principal;
  std::string action;  // "snapshot.freeze", "channel.deploy", "job.cancel", …
  std::string subject;
  std::string request_id;  // empty when no request caused it
  std::string address{};   // from where the request came; empty when unknown
};

Status append_audit(Transaction& transaction, const AuditEntry& entry);

}  // namespace galley::store
