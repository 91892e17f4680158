#include <fmt/format.h>

#include "active_attempt.h"
#include "commands.h"
#include "job_events.h"
#include "store/lease.h"

namespace galley::controller {

using protocol::JobState;
using store::Transaction;

Status preempt_attempt(Transaction& transaction, const PreemptAttempt& command) {
  GALLEY_TRY_STATUS(store::check_epoch(transaction, command.epoch));
  GALLEY_TRY(const auto attempt, read_active_attempt(transaction, command.attempt));
  GALLEY_TRY(auto job, read_job(transaction, attempt.job));
  if (job.state == JobState::cancelling)
    return Error{Errc::conflict, job.id.str() + " is being cancelled"};
  job.reason = "makes room: " + command.reason;
  GALLEY_TRY_STATUS(transaction.execute("update attempts set preempted_for = :2 where id = :1",
                                        {command.attempt.str(), command.beneficiary.str()}));
  GALLEY_TRY_STATUS(
      transaction.execute("update jobs set reason = :2 where id = :1", {job.id.str(), job.reason}));
  return tell(transaction, job, command.at, {{"preempted_for", command.beneficiary.str()}});
}

}  // namespace galley::controller
