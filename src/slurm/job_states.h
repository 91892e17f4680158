#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "listings.h"
#include "process/attempt_files.h"
#include "protocol/agent_messages.h"

/// Slurm's job states and exit codes as the ends of attempts. Pure.
namespace galley::slurm {

enum class Phase { waiting, running, ended };

/// Of a state's word. A state of a newer Slurm that we do not know counts as running: it is looked
/// at again, and nobody is told an end that is none.
Phase phase_of(std::string_view state);

/// Where a job waits, for people: "in Slurm: job 12 is PENDING (Resources)".
std::string describe_wait(const JobView& job);

/// Whether the exit status of the supervisor leaves open what happened, so that Slurm has to be
/// asked too: somebody else than us asked it to stop, or something killed the program.
bool needs_word_of_slurm(const process::AttemptExit& exit, bool cancel_asked);

/// How an attempt ended, from what its supervisor wrote (where it could), what Slurm says of the
/// job (where it still knows it), and whether we asked for its end. At least one is there, or the
/// attempt is lost.
///
/// Lost, and so started again within max_lost: its node failed. Preempted, and so queued again:
/// Slurm gave its place away. Failed: what the job or its user is to answer for, time and memory
/// limits and a cancellation by Slurm's own tools included.
protocol::AttemptReport end_of(const AttemptId& attempt,
                               const std::optional<process::AttemptExit>& exit,
                               const std::optional<JobView>& job, bool cancel_asked);

}  // namespace galley::slurm
