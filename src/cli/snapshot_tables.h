#pragma once

#include <string>

#include "session.h"

namespace galley::cli {

/// A list of snapshots, of models or of data sets. Empty for an empty list.
std::string snapshots_table(const Session& session, const Json& snapshots);
/// One snapshot: its record, then its files.
std::string snapshot_text(const Session& session, const Json& snapshot);

}  // namespace galley::cli
