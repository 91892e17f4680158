#pragma once

#include "process/attempt_files.h"
#include "protocol/agent_messages.h"

namespace galley::agent {

/// A program that was asked to stop and has written a checkpoint ends with this code.
inline constexpr int kExitPreempted = 75;

/// What the controller is told of an attempt that ended under its supervisor: 0 is succeeded; our
/// own cancellation is cancelled, whatever the code; everything else failed, with the reason. Pure.
protocol::AttemptReport report_exit(const AttemptId& attempt, const process::AttemptExit& exit);

/// The report of an attempt that has no exit status: never started, cancelled before, or lost.
protocol::AttemptReport report_end(const AttemptId& attempt, protocol::AttemptState state,
                                   std::string reason);

}  // namespace galley::agent
