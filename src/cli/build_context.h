#pragma once

#include "session.h"
#include "spec_file.h"

namespace galley::cli {

/// Where the job of the file is built from a folder of this machine: freezes that folder as a data
/// set on the server and puts its reference in the folder's place. A path is taken from the job
/// file's own folder. Leaves alone what names a data set already, and what is no job.
/// Errors: not_found (no such folder), too_large, those of upload() and of the server.
Status freeze_context(Session& session, SpecFile& file);

}  // namespace galley::cli
