#include "job_states.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "agent/ending_report.h"

namespace galley::slurm {
namespace {

using protocol::AttemptState;

struct StateRow {
  std::string_view word;
  Phase phase = Phase::running;
  AttemptState outcome = AttemptState::failed;  // when ended
  std::string_view sentence{};                  // likewise
};

/// JOB STATE CODES of squeue(1), sacct(1) and their short forms.
constexpr std::array kStates{
    StateRow{"PENDING", Phase::waiting},
    StateRow{"PD", Phase::waiting},
    StateRow{"CONFIGURING", Phase::waiting},
    StateRow{"CF", Phase::waiting},
    StateRow{"REQUEUED", Phase::waiting},
    StateRow{"RQ", Phase::waiting},
    StateRow{"REQUEUE_FED", Phase::waiting},
    StateRow{"RF", Phase::waiting},
    StateRow{"REQUEUE_HOLD", Phase::waiting},
    StateRow{"RH", Phase::waiting},
    StateRow{"SPECIAL_EXIT", Phase::waiting},
    StateRow{"SE", Phase::waiting},
    StateRow{"RESV_DEL_HOLD", Phase::waiting},
    StateRow{"RD", Phase::waiting},
    StateRow{"RUNNING"},
    StateRow{"R"},
    StateRow{"COMPLETING"},
    StateRow{"CG"},
    StateRow{"SIGNALING"},
    StateRow{"SI"},
    StateRow{"STAGE_OUT"},
    StateRow{"SO"},
    StateRow{"RESIZING"},
    StateRow{"RS"},
    StateRow{"SUSPENDED"},
    StateRow{"S"},
    StateRow{"STOPPED"},
    StateRow{"ST"},
    StateRow{"COMPLETED", Phase::ended, AttemptState::succeeded, {}},
    StateRow{"CD", Phase::ended, AttemptState::succeeded, {}},
    StateRow{"FAILED", Phase::ended, AttemptState::failed, {}},
    StateRow{"F", Phase::ended, AttemptState::failed, {}},
    StateRow{"CANCELLED", Phase::ended, AttemptState::failed, "cancelled by Slurm's own tools"},
    StateRow{"CA", Phase::ended, AttemptState::failed, "cancelled by Slurm's own tools"},
    StateRow{"TIMEOUT", Phase::ended, AttemptState::failed, "Slurm's time limit has passed"},
    StateRow{"TO", Phase::ended, AttemptState::failed, "Slurm's time limit has passed"},
    StateRow{"DEADLINE", Phase::ended, AttemptState::failed, "its deadline in Slurm has passed"},
    StateRow{"DL", Phase::ended, AttemptState::failed, "its deadline in Slurm has passed"},
    StateRow{"OUT_OF_MEMORY", Phase::ended, AttemptState::failed,
             "killed for passing its memory limit in Slurm"},
    StateRow{"OOM", Phase::ended, AttemptState::failed,
             "killed for passing its memory limit in Slurm"},
    StateRow{"NODE_FAIL", Phase::ended, AttemptState::lost, "a node failed under it in Slurm"},
    StateRow{"NF", Phase::ended, AttemptState::lost, "a node failed under it in Slurm"},
    StateRow{"BOOT_FAIL", Phase::ended, AttemptState::lost, "Slurm could not boot its node"},
    StateRow{"BF", Phase::ended, AttemptState::lost, "Slurm could not boot its node"},
    StateRow{"REVOKED", Phase::ended, AttemptState::lost, "another cluster of Slurm took it"},
    StateRow{"RV", Phase::ended, AttemptState::lost, "another cluster of Slurm took it"},
    StateRow{"PREEMPTED", Phase::ended, AttemptState::preempted,
             "Slurm gave its place to another job"},
    StateRow{"PR", Phase::ended, AttemptState::preempted, "Slurm gave its place to another job"}};

const StateRow* find_state(std::string_view word) {
  const auto found = std::ranges::find(kStates, word, &StateRow::word);
  return found == kStates.end() ? nullptr : &*found;
}

/// What Slurm alone says. `told`: what is known of the program already; empty when nothing is.
protocol::AttemptReport end_by_slurm(const AttemptId& attempt, const JobView& job,
                                     bool cancel_asked) {
  const StateRow* row = find_state(job.state);
  protocol::AttemptReport report =
      agent::report_end(attempt, row != nullptr ? row->outcome : AttemptState::lost,
                        row != nullptr ? std::string(row->sentence) : "Slurm says " + job.state);
  report.exit_code = job.exit_code;
  report.signal = job.signal;
  if (cancel_asked && report.state != AttemptState::succeeded) {
    report.state = AttemptState::cancelled;
    report.reason = "cancelled in Slurm";
  }
  // The supervisor had no part in it: prolog, credentials, a disk of the node.
  if (report.state == AttemptState::failed && job.reason == "JobLaunchFailure")
    report.state = AttemptState::lost;
  if (report.reason.empty() && report.state != AttemptState::succeeded)
    report.reason = fmt::format("Slurm could not run it: {} ({})", job.state,
                                job.reason.empty() ? "no reason given" : job.reason);
  if (!report.reason.empty()) report.reason += fmt::format(" (job {})", to_string(job.id));
  return report;
}

}  // namespace

Phase phase_of(std::string_view state) {
  const StateRow* row = find_state(state);
  return row != nullptr ? row->phase : Phase::running;
}

std::string describe_wait(const JobView& job) {
  return fmt::format("in Slurm: job {} is {}{}", to_string(job.id), job.state,
                     job.reason.empty() ? "" : " (" + job.reason + ")");
}

bool needs_word_of_slurm(const process::AttemptExit& exit, bool cancel_asked) {
  if (exit.reason == process::ExitReason::cancelled) return !cancel_asked;
  // Slurm signals the program itself as well as the supervisor: whoever is faster says how it
  // ended.
  return exit.reason == process::ExitReason::signalled &&
         (exit.signal == SIGKILL || exit.signal == SIGTERM);
}

protocol::AttemptReport end_of(const AttemptId& attempt,
                               const std::optional<process::AttemptExit>& exit,
                               const std::optional<JobView>& job, bool cancel_asked) {
  if (!exit) {
    if (job) return end_by_slurm(attempt, *job, cancel_asked);
    return agent::report_end(attempt, cancel_asked ? AttemptState::cancelled : AttemptState::lost,
                             "Slurm knows nothing of it any more, and it left no exit status");
  }
  protocol::AttemptReport report = agent::report_exit(attempt, *exit);
  if (!needs_word_of_slurm(*exit, cancel_asked)) return report;
  if (cancel_asked) {
    report.state = AttemptState::cancelled;
    report.reason = "cancelled in Slurm";
    return report;
  }
  const StateRow* row = job ? find_state(job->state) : nullptr;
  if (row != nullptr && row->phase == Phase::ended && !row->sentence.empty()) {
    report.state = row->outcome;
    report.reason = fmt::format("{} (job {})", row->sentence, to_string(job->id));
  } else if (exit->reason == process::ExitReason::cancelled) {
    report.state = AttemptState::failed;
    report.reason = "asked to stop by somebody else than Galley";
  }
  return report;
}

}  // namespace galley::slurm
