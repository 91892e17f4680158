#pragma once

#include "command.h"
#include "session.h"

namespace galley::cli {

/// `galley runs diff`.
Command run_diff_command(Session& session);

}  // namespace galley::cli
