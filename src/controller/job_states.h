#pragma once

#include <string>

#include "base/result.h"
#include "protocol/records.h"

namespace galley::controller {

/// The life of a job. Every move is made by one command of commands.h, in the same transaction as
/// the attempt's and the allocation's; nothing else writes these columns.
///
///   submit ──> queued ──start──> starting ──runs──> running ──ends──> succeeded | failed
///                │  ^               │  │               │
///                │  └──lost─────────┴──┼───lost────────┤
///                │                     │               │
///              cancel               cancel           cancel
///                v                     v               v
///            cancelled <──ends──── cancelling <────────┘
///
/// An attempt goes starting -> running -> succeeded | failed | cancelled | lost, or from starting
/// straight to an end. A lost attempt (its machine or supervisor died) sends the job back to the
/// queue until it was lost more than `max_lost` times.
bool may_move(protocol::JobState from, protocol::JobState to);

/// Where a job goes when its attempt ends.
struct AttemptEnd {
  protocol::JobState job_state;  // the job's state now
  protocol::AttemptState attempt_state;
  std::int64_t lost_before = 0;  // attempts of this job that were lost before this one
  std::int64_t max_lost = 0;
};
protocol::JobState state_after(const AttemptEnd& end);

}  // namespace galley::controller
