#pragma once

#include <string>

#include "session.h"

namespace galley::cli {

/// Asks the server to freeze what `body` describes as the next snapshot of the model, and prints
/// which it became. Errors: the server's.
Result<int> freeze_snapshot(Session& session, const std::string& model, const Json& body);

}  // namespace galley::cli
