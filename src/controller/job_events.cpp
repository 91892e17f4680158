#include "job_events.h"

#include <fmt/format.h>

#include "job_rows.h"
#include "job_states.h"
#include "store/events.h"

namespace galley::controller {

Result<protocol::JobRecord> read_job(store::Transaction& transaction, const JobId& id) {
  GALLEY_TRY(auto row,
             transaction.query_one(fmt::format("select {} from jobs where id = :1", kJobColumns),
                                   {id.str()}));
  if (!row) return no_such_job(id);
  return job_of_row(*row);
}

Status check_move(const protocol::JobRecord& job, protocol::JobState to) {
  if (may_move(job.state, to)) return ok();
  return Error{Errc::conflict, fmt::format("{} is {} and cannot become {}", job.id.str(),
                                           word(job.state), word(to))};
}

Status tell(store::Transaction& transaction, const protocol::JobRecord& job, WallTime at,
            const Json& more) {
  Json data{
      {"state", word(job.state)}, {"name", job.name}, {"team", job.team}, {"reason", job.reason}};
  data.update(more);
  return store::append_event(
      transaction,
      {.at_ms = to_ms(at), .kind = "job", .subject = job.id.str(), .data = dump_json(data)});
}

Status audit(store::Transaction& transaction, const Caller& caller, std::string action,
             const std::string& subject, WallTime at) {
  return store::append_audit(transaction, {.at_ms = to_ms(at),
                                           .principal = caller.principal,
                                           .action = std::move(action),
                                           .subject = subject,
                                           .request_id = caller.request_id,
                                           .address = caller.address});
}

}  // namespace galley::controller
