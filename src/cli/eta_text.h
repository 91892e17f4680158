#pragma once

#include <string>

#include "base/clock.h"
#include "base/json.h"

namespace galley::cli {

/// "14:20 ± 4 min", or with its day where that is another one: when a job will be done, in this
/// machine's time. Empty where the answer's `eta` does not know.
std::string eta_time(const Json& eta, WallTime now);

/// "done at 14:20 ± 4 min (45 %, step 450 of 1000)", with how the end is known and what is left to
/// pay; "step 450, 0.3 s each" where no end is known. Empty where nothing is.
std::string eta_sentence(const Json& eta, WallTime now);

/// Likewise of its target: "accuracy 0.93 at 15:10 ± 9 min". Empty where it has none.
std::string eta_target(const Json& eta, WallTime now);

}  // namespace galley::cli
