#pragma once

#include "core.h"
#include "store/database.h"

namespace galley::controller {

/// All that a new leader must know: queued jobs, unfinished attempts, teams, bookings, contents of
/// nodes and the GPU time of the past. Reads the unfinished and the ended of the last weeks.
Result<Restored> restore(store::Database& database, WallTime now);

/// GPU time of attempts that have ended, in hours of the clock: older than `now` by so many
/// half-lives that it no longer counts is left out.
Result<std::vector<scheduler::UsageSeen>> read_usage(store::Transaction& transaction, WallTime now);

}  // namespace galley::controller
