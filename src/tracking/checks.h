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
/// What run_of() reads of the table runs, which the statement calls so.
std::string run_columns(std::string_view table);
/// From these columns.
Run run_of(const store::Row& row);

/// Errors: not_found.
Status require_run(store::Transaction& transaction, const RunId& run);
/// Appends the event that something of a run changed.
Status tell(store::Transaction& transaction, const RunId& run, WallTime at,
            std::string_view action);

}  // namespace galley::tracking
