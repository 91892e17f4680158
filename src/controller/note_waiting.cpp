#include "active_attempt.h"
#include "commands.h"
#include "job_events.h"

namespace galley::controller {

using protocol::JobState;
using store::Transaction;

Status note_waiting(Transaction& transaction, const protocol::AttemptReport& report, WallTime at) {
  GALLEY_TRY(auto attempt, read_active_attempt(transaction, report.attempt_id));
  GALLEY_TRY(auto member, read_active_member(transaction, report.attempt_id, report.rank));
  if (member.running)
    return Error{Errc::conflict, "attempt " + report.attempt_id.str() + " runs already"};
  GALLEY_TRY(auto job, read_job(transaction, attempt.job));
  if (job.state != JobState::starting || job.reason == report.reason) return ok();
  GALLEY_TRY_STATUS(transaction.execute("update jobs set reason = :2 where id = :1",
                                        {attempt.job.str(), report.reason}));
  job.reason = report.reason;
  return tell(transaction, job, at);
}

}  // namespace galley::controller
