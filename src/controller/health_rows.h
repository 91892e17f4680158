#pragma once

#include <utility>
#include <vector>

#include "base/result.h"
#include "cluster/health.h"
#include "store/database.h"

namespace galley::controller {

/// What is stored of all subjects. Errors: those of reading; corrupt.
Result<std::vector<std::pair<cluster::Subject, cluster::Health>>> read_health(
    store::Database& database);

}  // namespace galley::controller
