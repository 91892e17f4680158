#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/controller.h"
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

/// GPUs that the jobs of each team hold now.
Result<std::map<std::string, std::int64_t>> count_team_gpus(store::Transaction& transaction);
/// What the scheduler weighed when it started the job's last attempt, as JSON text; empty when it
/// was never started.
Result<std::string> last_decision(store::Transaction& transaction, const JobId& job);

}  // namespace galley::controller
