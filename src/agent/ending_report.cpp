#include "agent/ending_report.h"

namespace galley::agent {
namespace {

using protocol::AttemptState;

AttemptState state_of(const process::AttemptExit& exit) {
  if (exit.reason == process::ExitReason::cancelled) return AttemptState::cancelled;
  const bool good = exit.reason == process::ExitReason::exited && exit.exit_code == 0;
  return good ? AttemptState::succeeded : AttemptState::failed;
}

}  // namespace

protocol::AttemptReport report_exit(const AttemptId& attempt, const process::AttemptExit& exit) {
  protocol::AttemptReport report = report_end(attempt, state_of(exit), exit.message);
  if (exit.reason == process::ExitReason::exited && exit.exit_code == kExitPreempted)
    report.reason = "preempted (exit 75)";
  if (exit.exit_code) report.exit_code = *exit.exit_code;
  if (exit.signal) report.signal = *exit.signal;
  report.log_bytes = exit.log_bytes;
  report.started_at = exit.started;
  report.finished_at = exit.finished;
  return report;
}

protocol::AttemptReport report_end(const AttemptId& attempt, AttemptState state,
                                   std::string reason) {
  protocol::AttemptReport report;
  report.attempt_id = attempt;
  report.state = state;
  report.reason = std::move(reason);
  return report;
}

}  // namespace galley::agent
