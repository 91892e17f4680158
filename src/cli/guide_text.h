#pragma once

#include <string>

#include "session.h"

namespace galley::cli {

/// How an alternative's changes are written: as fields of the job file, or as options of `run`.
enum class EditForm { fields, options };

/// "in 3 h", with "(in 2 h to 5 h)" when the interval says more; empty without an estimate.
std::string estimate_text(const Json& start, WallTime now);

/// The alternatives of a guide as a table under a heading; empty without any.
std::string alternatives_table(const Session& session, const Json& guide, EditForm form);

/// All of a guide: what binds, when it starts, what would help.
std::string guide_text(const Session& session, const Json& guide, EditForm form);

/// One line for a job that must wait; empty for one that starts at once.
std::string guide_line(const Session& session, const Json& guide);

/// Whether the guide says that the job could never run here.
bool is_impossible(const Json& guide);

}  // namespace galley::cli
