#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/database.h"

namespace galley::store {

/// Who leads, as the one row says it. The epoch grows with every change of leader, so a leader that
/// was paused and replaced finds its writes refused; renewals only show others that it is alive.
struct Lease {
  std::string holder;
  std::int64_t epoch = 0;
  std::int64_t renewals = 0;
};

/// Makes `holder` the leader and answers its new epoch. Whoever led before is cut off by it.
Result<std::int64_t> acquire_lease(Transaction& transaction, std::string_view holder);

/// Counts one renewal. Errors: conflict when the epoch is no longer the current one.
Status renew_lease(Transaction& transaction, std::int64_t epoch);

/// The first statement of every write that only a leader may make.
/// Errors: conflict when another has taken over since `epoch` was acquired (both numbers named).
Status check_epoch(Transaction& transaction, std::int64_t epoch);

/// Nothing before the first acquisition.
Result<std::optional<Lease>> read_lease(Transaction& transaction);

}  // namespace galley::store
