#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/controller.h"
#include "protocol/records.h"
#include "scheduler/plan.h"
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
  std::vector<scheduler::Content> contents;  // its data sets with their sizes
  std::optional<std::string> checkpoint{};   // of the spec, with the content that it has now
};
/// Errors: not_found (a data set), conflict (idempotency key with another body).
Result<AcceptedJob> accept_job(store::Transaction& transaction, const AcceptJob& command);

/// What a node needs for a job: its image, what that is built from, and its data sets with their
/// sizes. Errors: not_found, naming the first data set that is not there.
Result<std::vector<scheduler::Content>> contents_of(store::Transaction& transaction,
                                                    const protocol::JobSpec& spec);

struct StartAttempt {
  std::int64_t epoch = 0;
  JobId job;
  AttemptId attempt;
  protocol::Resources resources;  // of each member
  scheduler::Placement placement;
  scheduler::Standing standing = scheduler::Standing::borrowed;
  scheduler::Terms terms;  // why this place
  WallTime at{};
};
struct StartedAttempt {
  protocol::JobRecord job;  // as it is now
  std::int64_t number = 1;
};
/// All members of the gang, or nothing. Errors: conflict (another leader; the job is not queued; a
/// device is taken, unknown or out of service; a node is full).
Result<StartedAttempt> start_attempt(store::Transaction& transaction, const StartAttempt& command);

/// Thousandths of each GPU that a request takes.
std::int64_t milli_of(const protocol::Resources& resources);

struct RunningMember {
  JobId job;
  NodeId node;
  std::vector<std::string> contents;  // data sets that the node now has
};
/// The program of a member has begun. Errors: not_found, conflict (it is not starting).
Result<RunningMember> mark_running(store::Transaction& transaction,
                                   const protocol::AttemptReport& report, WallTime at);

/// Where an attempt waits that is not ours to start, for people. Nothing happens while it is being
/// cancelled. Errors: not_found, conflict (it runs, or has ended).
Status note_waiting(store::Transaction& transaction, const protocol::AttemptReport& report,
                    WallTime at);

struct EndedMember {
  JobId job;
  AttemptId attempt;
  std::int64_t rank = 0;
  bool attempt_ended = false;  // it was the last member
  bool stop_others = false;    // it did not succeed, so the rest of the gang has nothing to do
  protocol::JobState job_state = protocol::JobState::failed;  // when the attempt has ended
};
/// Notes the end of a member. With the last of them the attempt ends, what all of them held is free
/// and the job moves on. Errors: not_found, conflict (it had ended).
Result<EndedMember> end_member(store::Transaction& transaction,
                               const protocol::AttemptReport& report, WallTime at);

struct PreemptAttempt {
  std::int64_t epoch = 0;
  JobId job;
  AttemptId attempt;
  JobId beneficiary;
  std::string reason;
  WallTime at{};
};
/// From now on the end of the attempt sends its job back to the queue. Errors: conflict (another
/// leader; the attempt has ended or is being cancelled).
Status preempt_attempt(store::Transaction& transaction, const PreemptAttempt& command);

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
