#pragma once

#include <string>

#include "base/json.h"
#include "command.h"
#include "session.h"

namespace galley::cli {

/// "0.8123", or "-" for what is no number.
std::string value_text(const Json& value);
/// "lr=0.1 depth=3"
std::string params_text(const Json& params);
/// "best 0.91 of trial 7: lr=0.1", or that there is none.
std::string best_text(const Json& study);

/// Why no trial runs and what would help, or nothing.
std::string obstacle_text(const Json& study);

/// galley tune top, export, importance.
std::vector<Command> study_result_commands(Session& session);

}  // namespace galley::cli
