#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "session.h"

namespace galley::cli {

/// The id that the user means: a full one, `last` for the newest, or the beginning (8 characters or
/// more) or the end (6 or more) of one among the newest 1,000.
/// Errors: not_found; invalid_argument when several fit, naming some.
Result<std::string> resolve_job(Session& session, const std::string& text);
/// The same for runs; a job's id means its run.
Result<std::string> resolve_run(Session& session, const std::string& text);

/// "nsmc@3" -> nsmc, 3. A version may also be a snapshot's id. Empty without '@'.
struct VersionedName {
  std::string name;
  std::string version;
};
VersionedName split_reference(std::string_view text);

/// split_reference that insists on a version. Errors: invalid_argument.
Result<VersionedName> require_reference(std::string_view text, std::string_view example);

}  // namespace galley::cli
