#pragma once

#include "command.h"
#include "session.h"

namespace galley::cli {

/// `galley nodes health [NODE]`, `drain NODE` and `resume NODE`.
Command health_command(Session& session);
Command drain_command(Session& session);
Command resume_command(Session& session);

}  // namespace galley::cli
