#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "profiling/answers.h"
#include "profiling/profile.h"

namespace galley::profiling {

struct CapacityOptions {
  /// What the slowest 1 % of the longest allowed requests may take, ms. Empty: the table has a row
  /// for each round limit that the measurements can decide.
  std::vector<double> p99_limits_ms;
  double price_per_hour_usd = 0;  // of the machine; 0: no costs are told
};

/// How many users, each asking again as soon as it is answered, keep within one limit.
struct CapacityRow {
  double p99_limit_ms = 0;
  /// The most users whose p99 lies below the limit with all of its interval; 0: not even one.
  std::uint32_t users = 0;
  /// The next measured number of users lies across the limit, so that the true bound is somewhere
  /// between; empty when more were never measured.
  std::optional<std::uint32_t> not_enough_for;
  Interval p99_ms;  // at `users`; at the fewest measured when users is 0
  double tokens_per_s = 0;
  double requests_per_s = 0;
  std::optional<double> usd_per_million_tokens, usd_per_thousand_requests, usd_per_user_month;
  std::string sentence;  // "12 users at once keep within 2 s: …"
};

/// From the experiment "capacity". Empty when the study lacks it. Pure.
std::vector<CapacityRow> capacity_table(const Profile& profile, const CapacityOptions& options);

nlohmann::json capacity_json(const std::vector<CapacityRow>& rows);

}  // namespace galley::profiling
