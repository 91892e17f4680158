#pragma once

#include "base/result.h"

namespace galley::support {

/// From now on SIGINT, SIGTERM and SIGHUP only set a flag, so that what we started is ended and
/// removed in order. For the main thread, before others start.
void catch_stop_signals();
bool stop_requested();
/// An error once a stop was asked for: benchmarks check it between steps of a few seconds.
Status check_stop();

}  // namespace galley::support
