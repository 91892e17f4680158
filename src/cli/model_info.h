#pragma once

#include <string>

#include "session.h"

namespace galley::cli {

/// What a model's files hold and what serving them will take, as tables or as one document.
Result<int> show_model_file(Session& session, const std::string& path);

}  // namespace galley::cli
