#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "telemetry/gauges.h"

namespace galley::alerts {

enum class Comparison { above, at_least, below, at_most, equal, differs };

struct Bound {
  Comparison comparison = Comparison::above;
  double value = 0;
  bool operator==(const Bound&) const = default;
  bool holds(double number) const;
};

/// When to tell somebody:
///
///   METRIC[{label="value", …}] OP NUMBER[%] [for DURATION] [until OP NUMBER[%]]
///
///   node_cpu_ratio > 80% for 5m
///   team_idle_gpus >= 8 for 1h
///   gpu_temperature_celsius{node="gpu05"} > 90 for 2m until < 80
///
/// METRIC is any of telemetry; OP one of > >= < <= == !=; the labels are those of its readings:
/// node, gpu, uuid, attempt, team, user, alarm. It is judged for each machine, GPU or team by
/// itself. `for`: how long without a break; at once when absent. `until`: what must be true for it
/// to be over, so that a number that swings around the bound does not ring twice; when absent, the
/// opposite.
struct Rule {
  telemetry::Metric metric;
  std::vector<std::pair<std::string, std::string>> labels;
  Bound bound;
  Millis hold{0};
  std::optional<Bound> until;
  bool operator==(const Rule&) const = default;
};

/// Errors: invalid_argument naming what was found, at which character, and what would be right.
Result<Rule> parse_rule(std::string_view text);
/// In one form that parse_rule reads back as the same rule.
std::string print_rule(const Rule& rule);

inline constexpr std::size_t kLongestRule = 512;
inline constexpr Millis kLongestHold = std::chrono::hours(24 * 7);

}  // namespace galley::alerts
