#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "session.h"

namespace galley::cli {

/// Prints how well every family of models did on the tables that an estimator was fitted on, from
/// the "report" that its file carries; then how right estimates of the site's jobs were, where
/// `site` is the server's answer; with `all`, every setting tried and all of the distribution too.
/// Errors: not_found for a file without one; those of parsing.
Result<int> print_estimator_report(const Session& session, std::string_view model_json,
                                   const Json& site, bool all);

}  // namespace galley::cli
