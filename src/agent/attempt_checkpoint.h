#pragma once

#include <string>

#include "attempt_spec.h"
#include "protocol/job_spec.h"

namespace galley::agent {

/// The name among data sets of the checkpoint that a job goes on from; empty: it begins anew.
std::string checkpoint_content(const protocol::JobSpec& spec);

/// Where the job sees it: the file, or the folder. Looks at what was prepared; empty without one.
std::string checkpoint_place(const protocol::JobSpec& spec, const AttemptPlace& place);

/// {checkpoint} in the command and in env becomes `path`, unless that is empty. Pure.
void name_checkpoint(protocol::JobSpec& spec, const std::string& path);

}  // namespace galley::agent
