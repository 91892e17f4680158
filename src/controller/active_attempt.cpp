#include "active_attempt.h"

#include <fmt/format.h>

namespace galley::controller {

using protocol::AttemptState;
using store::Transaction;

Result<UnfinishedAttempt> read_active_attempt(Transaction& transaction, const AttemptId& attempt) {
  GALLEY_TRY(auto row,
             transaction.query_one("select job_id, state, progress_offset, preempted_for, outcome, "
                                   "outcome_ms from attempts where id = :1",
                                   {attempt.str()}));
  if (!row) return Error{Errc::not_found, "there is no attempt " + attempt.str()};
  const auto state = protocol::from_word<AttemptState>(row->text(1));
  if (!state || protocol::is_final(*state))
    return Error{Errc::conflict, "attempt " + attempt.str() + " has ended: " + row->text(1)};
  UnfinishedAttempt answer{JobId::trusted(row->text(0)), row->integer(2), !row->is_null(3),
                           protocol::from_word<AttemptState>(row->text(4)), std::nullopt};
  if (!row->is_null(5)) answer.outcome_at = from_ms(row->integer(5));
  return answer;
}

Result<UnfinishedMember> read_active_member(Transaction& transaction, const AttemptId& attempt,
                                            std::int64_t rank) {
  GALLEY_TRY(auto row, transaction.query_one("select node_id, state from attempt_members where "
                                             "attempt_id = :1 and member_rank = :2",
                                             {attempt.str(), rank}));
  if (!row)
    return Error{Errc::not_found, fmt::format("attempt {} has no member {}", attempt.str(), rank)};
  if (row->text(1) == "ended")
    return Error{Errc::conflict,
                 fmt::format("member {} of attempt {} has ended", rank, attempt.str())};
  return UnfinishedMember{NodeId::trusted(row->text(0)), row->text(1) == "running"};
}

}  // namespace galley::controller
