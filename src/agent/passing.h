#pragma once

#include "base/result.h"

namespace galley::agent {

/// The controller may answer otherwise later. Everything else it will never take.
constexpr bool is_passing(Errc code) {
  return code == Errc::unavailable || code == Errc::rate_limited || code == Errc::exhausted ||
         code == Errc::timeout;
}

}  // namespace galley::agent
