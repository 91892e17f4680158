#include "job_states.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace galley::controller {

using protocol::AttemptState;
using protocol::JobState;

bool may_move(JobState from, JobState to) {
  static constexpr std::array<std::pair<JobState, JobState>, 15> kMoves{{
      {JobState::queued, JobState::starting},
      {JobState::queued, JobState::cancelled},
      {JobState::starting, JobState::running},
      {JobState::starting, JobState::cancelling},
      {JobState::starting, JobState::queued},
      {JobState::starting, JobState::succeeded},
      {JobState::starting, JobState::failed},
      {JobState::running, JobState::cancelling},
      {JobState::running, JobState::queued},
      {JobState::running, JobState::succeeded},
      {JobState::running, JobState::failed},
      {JobState::cancelling, JobState::cancelled},
      // The program may have ended by itself before the request to stop reached it.
      {JobState::cancelling, JobState::succeeded},
      {JobState::starting, JobState::cancelled},
      {JobState::running, JobState::cancelled},
  }};
  return std::ranges::find(kMoves, std::pair{from, to}) != kMoves.end();
}

JobState state_after(const AttemptEnd& end) {
  switch (end.attempt_state) {
    case AttemptState::succeeded:
      return JobState::succeeded;
    case AttemptState::cancelled:
      return JobState::cancelled;
    case AttemptState::preempted:
      return end.job_state == JobState::cancelling ? JobState::cancelled : JobState::queued;
    case AttemptState::lost:
      if (end.job_state == JobState::cancelling) return JobState::cancelled;
      return end.lost_before < end.max_lost ? JobState::queued : JobState::failed;
    case AttemptState::starting:
    case AttemptState::running:
      break;
    case AttemptState::failed:
      return end.job_state == JobState::cancelling ? JobState::cancelled : JobState::failed;
  }
  return JobState::failed;
}

AttemptState outcome_of(const protocol::AttemptReport& report, JobState job_state,
                        bool preemption_asked) {
  constexpr std::int64_t kExitPreempted = 75;
  if (job_state == JobState::cancelling) return report.state;
  if (!preemption_asked)
    return report.state == AttemptState::cancelled ? AttemptState::lost : report.state;
  const bool made_room =
      report.state == AttemptState::cancelled ||
      (report.state == AttemptState::failed && report.exit_code == kExitPreempted);
  return made_room ? AttemptState::preempted : report.state;
}

bool decides(const Decided& so_far, AttemptState outcome, const protocol::AttemptReport& report) {
  if (!so_far.outcome) return true;
  return so_far.outcome == AttemptState::failed && outcome == AttemptState::failed &&
         so_far.failed_at && report.finished_at && *report.finished_at < *so_far.failed_at;
}

std::string member_reason(const protocol::AttemptReport& report, AttemptState outcome,
                          std::size_t members) {
  if (outcome == AttemptState::succeeded || members < 2) return report.reason;
  const std::string why = reason_of(report, JobState::failed);
  return fmt::format("rank {}{}", report.rank, why.empty() ? " failed" : ": " + why);
}

std::string reason_of(const protocol::AttemptReport& report, JobState next) {
  if (next == JobState::queued) return "queued again: " + report.reason;
  if (!report.reason.empty()) return report.reason;
  if (report.signal) return fmt::format("ended by signal {}", *report.signal);
  if (report.exit_code && *report.exit_code != 0)
    return fmt::format("exit code {}", *report.exit_code);
  return {};
}

}  // namespace galley::controller
