#pragma once

#include <string>
#include <string_view>

#include "store/database.h"
#include "tracking/records.h"

namespace galley::tracking {

/// Keys of parameters, tags and metrics. Errors: invalid_argument; `what` says which.
Status check_key(std::string_view what, std::string_view key);
/// Values of parameters and tags, and names. Errors: invalid_argument, too_large.
Status check_text(std::string_view what, std::string_view text, std::size_t max_bytes);
/// From the columns id, name, experiment, job_id, state, created_ms, ended_ms of the table runs.
Run run_of(const store::Row& row);

/// Errors: not_found.
Status require_run(store::Transaction& transaction, const RunId& run);
/// Appends the event that something of a run changed.
Status tell(store::Transaction& transaction, const RunId& run, WallTime at,
            std::string_view action);

}  // namespace galley::tracking
