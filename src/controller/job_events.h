#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "controller/controller.h"
#include "protocol/records.h"
#include "store/database.h"

namespace galley::controller {

/// What the commands share: reading a job, checking a move, telling those who watch.

inline std::string word(protocol::JobState state) { return std::string(protocol::word_of(state)); }
inline std::string word(protocol::AttemptState state) {
  return std::string(protocol::word_of(state));
}

inline store::Value optional_number(const std::optional<std::int64_t>& number) {
  return number ? store::Value(*number) : store::Value(nullptr);
}
inline store::Value optional_time(const std::optional<WallTime>& time) {
  return time ? store::Value(to_ms(*time)) : store::Value(nullptr);
}

/// Errors: not_found.
Result<protocol::JobRecord> read_job(store::Transaction& transaction, const JobId& id);

/// Errors: conflict when the table of moves does not hold it.
Status check_move(const protocol::JobRecord& job, protocol::JobState to);

/// Appends the event of a job that is now in `job.state`, with `more` fields.
Status tell(store::Transaction& transaction, const protocol::JobRecord& job, WallTime at,
            const Json& more = Json::object());

Status audit(store::Transaction& transaction, const Caller& caller, std::string action,
             const std::string& subject, WallTime at);

}  // namespace galley::controller
