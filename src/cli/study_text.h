#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "command.h"
#include "session.h"

namespace galley::cli {

/// "0.8123", or "-" for what is no number.
std::string value_text(const Json& value);
/// The parameters of a study as its file has them.
std::vector<std::string> param_names(const Json& study);
/// "lr=0.1 depth=3", in the order of these names.
std::string params_text(const Json& params, const std::vector<std::string>& order);
/// "best accuracy 0.91 of trial 7: lr=0.1", or that there is none.
std::string best_text(const Json& study);

/// Why there is no result: nothing was reported yet, or trials failed, and why the first did.
std::string nothing_text(const Json& study, const Json& trials);

/// Why no trial runs and what would help, or nothing.
std::string obstacle_text(const Json& study);

/// galley tune top, export, importance.
std::vector<Command> study_result_commands(Session& session);

}  // namespace galley::cli
