#pragma once

#include <vector>

#include "command.h"
#include "session.h"

namespace galley::cli {

/// `galley models info | quantize | synth`, which work on files and need no server.
std::vector<Command> model_file_commands(Session& session);
/// `galley models import`.
Command model_import_command(Session& session);

}  // namespace galley::cli
