#pragma once

#include "command.h"
#include "session.h"

namespace galley::cli {

/// `galley nodes join-token` and `galley nodes remove NODE`.
Command join_token_command(Session& session);
Command remove_node_command(Session& session);

}  // namespace galley::cli
