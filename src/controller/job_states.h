#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "protocol/agent_messages.h"
#include "protocol/records.h"

namespace galley::controller {

/// The life of a job. Every move is made by one command of commands.h, in the same transaction as
/// the attempt's and the allocation's; nothing else writes these columns.
///
///   submit ──> queued ──start──> starting ──runs──> running ──ends──> succeeded | failed
///                │  ^               │  │               │
///                │  └──lost, preempted─┴───────────────┤
///                │                     │               │
///              cancel               cancel           cancel
///                v                     v               v
///            cancelled <──ends──── cancelling <────────┘
///
/// An attempt goes starting -> running -> succeeded | failed | cancelled | lost | preempted, or
/// from starting straight to an end. A lost attempt (its machine or supervisor died) sends the job
/// back to the queue until it was lost more than `max_lost` times; a preempted one always does.
bool may_move(protocol::JobState from, protocol::JobState to);

/// Where a job goes when its attempt ends.
struct AttemptEnd {
  protocol::JobState job_state;  // the job's state now
  protocol::AttemptState attempt_state;
  std::int64_t lost_before = 0;  // attempts of this job that were lost before this one
  std::int64_t max_lost = 0;
};
protocol::JobState state_after(const AttemptEnd& end);

/// How a member's end counts for its attempt. Asked to make room, a program that was ended by us or
/// that says so itself (exit code 75) was preempted; one that ended any other way has simply ended.
/// Who cancels a job that is being preempted gets a cancelled job. An end by our hand that nobody
/// asked for (an agent that came back with what was given up) is a loss.
protocol::AttemptState outcome_of(const protocol::AttemptReport& report,
                                  protocol::JobState job_state, bool preemption_asked);

/// The member's end that decides how an attempt ended, as far as is known.
struct Decided {
  std::optional<protocol::AttemptState> outcome;  // empty while all that ended have succeeded
  std::optional<WallTime> failed_at;
};
/// Whether another end decides instead: the first member that does not succeed does, by the time of
/// its failure and not by when we hear of it, since the others often fail because of it. Where all
/// succeed, the last one's word stands.
bool decides(const Decided& so_far, protocol::AttemptState outcome,
             const protocol::AttemptReport& report);
/// The reason of a decisive end; in a gang it says whose.
std::string member_reason(const protocol::AttemptReport& report, protocol::AttemptState outcome,
                          std::size_t members);

/// What people read about an end: the agent's reason, or the signal or exit code.
std::string reason_of(const protocol::AttemptReport& report, protocol::JobState next);

}  // namespace galley::controller
