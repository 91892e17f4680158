#pragma once

#include "api/api.h"
#include "base/json.h"

namespace galley::api {

/// {queued, starting, running, cancelling, succeeded_24h, failed_24h, cancelled_24h}.
Result<Json> print_queue(const Services& services);
/// How busy the machines are, and what they give away.
Json print_load(const Services& services);
/// The data of a load event.
std::string load_event(const Services& services);

}  // namespace galley::api
