#pragma once

#include <atomic>

#include "base/result.h"
#include "lm_command.h"

enum class LmOutcome { finished, stopped };

/// Reads, trains, measures, exports, and prints as it goes. `stop` may be set from a signal
/// handler: the training then writes its checkpoint after the step it is in. Errors: those of
/// reading, resuming and writing; unavailable when the loss is no number any more.
galley::Result<LmOutcome> run_lm(const LmCommand& command, const std::atomic<bool>& stop);
