#pragma once

#include "command.h"
#include "session.h"

namespace galley::cli {

/// `galley models profile`: measures models and servers, and says what the figures mean.
Command model_profile_command(Session& session);

}  // namespace galley::cli
