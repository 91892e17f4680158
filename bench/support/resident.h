#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace galley::support {

/// Memory of the process that is in RAM at the moment. Errors: those of reading /proc; unavailable.
Result<double> resident_mib(pid_t pid);

}  // namespace galley::support
