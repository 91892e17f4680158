#pragma once

#include <filesystem>

#include "base/result.h"

namespace galley::bench {

/// Evaluates the problems for programs in other languages, so that what is compared on them is the
/// same to the last bit. One line in, one line out, until stdin ends:
///   open NAME SEED     -> JSON: {"name", "best", "median", "parameters": [{"kind", "low",
///   "high"}]}
///                         kinds real, ordered and categorical; a choice is its index
///   eval QUERY V0 V1.. -> "OBSERVED TRUTH", 17 digits
/// NAME is a function's or the path of a table. A fault is answered with "error ...".
Status serve_functions();

}  // namespace galley::bench
