#pragma once

#include <optional>
#include <string_view>

#include "protocol/records.h"
#include "store/database.h"

namespace galley::controller {

/// The columns that job_of_row reads, in its order.
inline constexpr std::string_view kJobColumns =
    "id, seq, name, team, priority_class, state, reason, spec, principal, run_id, attempts, "
    "exit_code, created_ms, started_ms, finished_ms";
/// Errors: corrupt when the stored spec cannot be read.
Result<protocol::JobRecord> job_of_row(const store::Row& row);

inline constexpr std::string_view kAttemptColumns =
    "id, job_id, number, node_id, state, reason, exit_code, signal, log_bytes, created_ms, "
    "started_ms, finished_ms";
protocol::AttemptRecord attempt_of_row(const store::Row& row);

/// A column of milliseconds since 1970 that may be null.
std::optional<WallTime> time_of(const store::Row& row, std::size_t column);

/// not_found, in words for the user.
Error no_such_job(const JobId& job);

}  // namespace galley::controller
