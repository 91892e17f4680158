#pragma once

#include <vector>

#include "controller/controller.h"
#include "core.h"
#include "store/database.h"

namespace galley::controller {

/// The reads of the controller: each sees one consistent snapshot of the store.

Result<protocol::JobRecord> find_job(store::Database& database, const JobId& job);
Result<JobPage> list_jobs(store::Database& database, const JobQuery& query);
Result<std::vector<protocol::AttemptRecord>> list_attempts(store::Database& database,
                                                           const JobId& job);
Result<std::vector<protocol::EventRecord>> list_job_events(store::Database& database,
                                                           const JobId& job);
Result<QueueCounts> count_queue(store::Database& database, WallTime now);

/// Fills in what is given away on each node and who holds each device.
Status add_allocations(store::Database& database, std::vector<protocol::NodeRecord>& nodes);

/// All that a new leader must know: queued jobs and unfinished attempts.
Result<Restored> restore(store::Database& database);

}  // namespace galley::controller
