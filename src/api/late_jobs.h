#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "protocol/ids.h"
#include "store/database.h"

namespace galley::api {

/// What is known of a job that has a deadline and has not ended.
struct JobInTime {
  std::string name;
  WallTime deadline{};
  std::optional<Millis> max_runtime{};       // which it is expected to take
  std::optional<WallTime> started_at{};      // once it runs
  std::optional<WallTime> expected_start{};  // before
  std::optional<WallTime> expected_end{};    // by its progress, once it runs and that tells
};

/// Why it will be late, or is; nothing while it is expected to end in time. Its progress says more
/// than its `max_runtime`; with neither only a deadline that has passed is known to be missed.
/// Pure.
std::optional<std::string> lateness(const JobInTime& job, WallTime now);

struct LateJob {
  JobId id;
  std::string why;  // as lateness() says
};

/// In the order of acceptance, at most 1,000. `expected_start` is asked for the first jobs that
/// wait, since it may take milliseconds; `expected_end` for all that run. Errors: those of reading
/// the database.
Result<std::vector<LateJob>> late_jobs(
    store::Database& database, WallTime now,
    const std::function<std::optional<WallTime>(const JobId&)>& expected_start,
    const std::function<std::optional<WallTime>(const JobId&)>& expected_end = {});

}  // namespace galley::api
