#pragma once

#include "base/clock.h"

namespace galley::simulation {

inline double seconds(Millis time) { return static_cast<double>(time.count()) / 1e3; }

}  // namespace galley::simulation
