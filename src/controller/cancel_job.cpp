#include <fmt/format.h>

#include "commands.h"
#include "job_events.h"
#include "tracking/tracking.h"

namespace galley::controller {

using protocol::JobState;
using store::Transaction;
using store::Value;

Result<JobState> cancel_job(Transaction& transaction, const CancelJob& command) {
  GALLEY_TRY(auto job, read_job(transaction, command.job));
  if (job.state == JobState::cancelling) return job.state;
  if (protocol::is_final(job.state))
    return Error{Errc::conflict,
                 fmt::format("{} has ended already: {}", job.id.str(), word(job.state))};
  const JobState next = job.state == JobState::queued ? JobState::cancelled : JobState::cancelling;
  const std::string reason = "cancelled by " + command.caller.principal;
  GALLEY_TRY_STATUS(
      transaction.execute("update jobs set state = :2, reason = :3, finished_ms = :4 where id = :1",
                          {job.id.str(), word(next), reason,
                           protocol::is_final(next) ? Value(to_ms(command.at)) : Value(nullptr)}));
  // A job that was started before and queued again has a run to close.
  if (protocol::is_final(next) && job.attempts > 0)
    GALLEY_TRY_STATUS(
        tracking::end_run_of_job(transaction, job.run_id, tracking::RunState::killed, command.at));
  job.state = next;
  job.reason = reason;
  GALLEY_TRY_STATUS(tell(transaction, job, command.at));
  GALLEY_TRY_STATUS(audit(transaction, command.caller, "job.cancel", job.id.str(), command.at));
  return next;
}

}  // namespace galley::controller
