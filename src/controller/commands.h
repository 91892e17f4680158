#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/controller.h"
#include "protocol/records.h"
#include "scheduler/scheduler.h"
#include "store/database.h"

namespace galley::controller {

/// The typed writes of the controller. Each runs inside one transaction of the store, checks its
/// preconditions first, and writes the event that live views wait for. `conflict` means that a
/// precondition failed and nothing was changed.

struct AcceptJob {
  protocol::JobRecord job;  // seq is given by the store
  Caller caller;
};
struct AcceptedJob {
  JobId id;
  std::int64_t seq = 0;
  bool repeated = false;
};
/// Errors: not_found (a data set), conflict (idempotency key with another body).
Result<AcceptedJob> accept_job(store::Transaction& transaction, const AcceptJob& command);

struct StartAttempt {
  std::int64_t epoch = 0;
  JobId job;
  AttemptId attempt;
  protocol::Resources resources;
  scheduler::Placement placement;
  WallTime at{};
};
struct StartedAttempt {
  protocol::JobRecord job;  // as it is now
  std::int64_t number = 1;
};
/// Errors: conflict (another leader; the job is not queued; a device is taken; the node is full).
Result<StartedAttempt> start_attempt(store::Transaction& transaction, const StartAttempt& command);

/// The program of an attempt has begun; answers its job. Errors: conflict (it is not starting).
Result<JobId> mark_running(store::Transaction& transaction, const protocol::AttemptReport& report,
                           WallTime at);

struct EndedAttempt {
  JobId job;
  protocol::JobState job_state = protocol::JobState::failed;
};
/// Frees what the attempt held and moves its job on. Errors: not_found, conflict (it had ended).
Result<EndedAttempt> end_attempt(store::Transaction& transaction,
                                 const protocol::AttemptReport& report, WallTime at);

struct RecordProgress {
  protocol::ProgressReport report;
  std::vector<RegisteredFile> files;
  WallTime at{};
};
/// Stores points, files and texts and moves the attempt's offset, all or nothing.
/// Errors: conflict when the stored offset is another one (the answer names it).
Status record_progress(store::Transaction& transaction, const RecordProgress& command);

struct CancelJob {
  JobId job;
  Caller caller;
  WallTime at{};
};
/// The job's state afterwards: cancelled or cancelling. Errors: not_found, conflict (it had ended).
Result<protocol::JobState> cancel_job(store::Transaction& transaction, const CancelJob& command);

/// Adds the node or replaces what is known of it.
Status save_node(store::Transaction& transaction, const protocol::NodeRecord& node, WallTime at);

}  // namespace galley::controller
