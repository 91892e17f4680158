#pragma once

#include <signal.h>

#include "base/result.h"
#include "site_options.h"

namespace galley::app {

/// One of several controllers on one database: stands by until it leads, serves while it does, and
/// stands by again when another leads. Returns when a signal asks it to stop. Its URL stays the
/// same. Errors: those of the database and the addresses at the start.
Status serve_in_turn(SiteOptions options, const sigset_t& signals);

}  // namespace galley::app
