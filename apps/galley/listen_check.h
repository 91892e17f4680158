#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace galley::app {

/// Refuses to carry tokens over a network in clear: an address that other machines reach needs TLS.
/// Errors: invalid_argument, naming the address and the ways out.
Status check_listen(const std::vector<std::string>& addresses, bool tls, bool insecure);

}  // namespace galley::app
