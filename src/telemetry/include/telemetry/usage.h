#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace galley::telemetry {

enum class GroupBy { team, user, job };
/// Errors: invalid_argument, with the words.
Result<GroupBy> parse_group_by(std::string_view word);

/// How somebody used the GPUs that were given to them.
struct Usage {
  std::string name{};            // team, user or job id
  std::string title{};           // of a job: the name its user gave it
  double allocated_gpu_h = 0;    // from the allocations; parts of GPUs count as parts
  double measured_gpu_h = 0;     // of those: while the GPUs were heard of
  double used_gpu_h = 0;         // measured, weighted by utilisation
  double idle_gpu_h = 0;         // measured, in minutes that did nothing
  double utilization_ratio = 0;  // used of measured; 0 when nothing was measured
};

struct UsageReport {
  WallTime from{};
  WallTime to{};
  GroupBy by = GroupBy::team;
  std::vector<Usage> rows{};  // most idle GPU-hours first
  Usage total{};
  bool shortened = false;  // there were more rows than kMostUsageRows
};
inline constexpr std::size_t kMostUsageRows = 1'000;

}  // namespace galley::telemetry
