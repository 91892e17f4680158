#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace galley::support {

/// Memory of the process that is in RAM at the moment. Errors: those of reading /proc; unavailable.
Result<double> resident_mib(pid_t pid);

/// Seconds of processor time that the process has used. Errors: unavailable.
Result<double> cpu_seconds(pid_t pid);
/// Those of its children that have ended.
Result<double> children_cpu_seconds(pid_t pid);

}  // namespace galley::support
