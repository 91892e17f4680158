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
  std::string holder;  // empty: given up, to be taken at once
  std::int64_t epoch = 0;
  std::int64_t renewals = 0;
  std::string successor;  // whom the holder asked to take over; empty for nobody
  bool operator==(const Lease&) const = default;
};

/// Makes `holder` the leader and answers its new epoch. Whoever led before is cut off by it.
Result<std::int64_t> acquire_lease(Transaction& transaction, std::string_view holder);

/// Likewise, provided that the row still says what was seen (nothing: that there was none).
/// Errors: conflict (it says something else: another was faster, or the holder is alive).
Result<std::int64_t> acquire_lease(Transaction& transaction, std::string_view holder,
                                   const std::optional<Lease>& seen);

/// Counts one renewal. Errors: conflict when the epoch is no longer the current one.
Status renew_lease(Transaction& transaction, std::int64_t epoch);

/// Gives the lead up: whoever is there may take it at once. Errors: conflict as above.
Status release_lease(Transaction& transaction, std::int64_t epoch);

/// Asks `successor` to take the lead. Errors: conflict as above.
Status name_successor(Transaction& transaction, std::int64_t epoch, std::string_view successor);

/// The first statement of every write that only a leader may make.
/// Errors: conflict when another has taken over since `epoch` was acquired (both numbers named).
Status check_epoch(Transaction& transaction, std::int64_t epoch);

/// Nothing before the first acquisition.
Result<std::optional<Lease>> read_lease(Transaction& transaction);

}  // namespace galley::store
