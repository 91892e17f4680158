#pragma once

#include "base/result.h"

namespace galley::bench {

/// Megabytes (10^6 bytes) of event files that a second of processor time reads: scalars of twenty
/// tags, a record each, as trainers write them, in pieces of 1 MiB from memory. Errors: those of
/// writing the files into a folder of its own, which goes afterwards.
Result<double> tensorboard_read_rate();

}  // namespace galley::bench
