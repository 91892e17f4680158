#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace galley::bench {

/// Reads made logs of six frameworks, of our own lines and of lines told by a pattern, some 20 MB
/// each: MB/s of processor time for each and for all, and how many of their progress lines were
/// found.
Result<std::map<std::string, double>> measure_logs();

}  // namespace galley::bench
