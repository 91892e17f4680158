#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/database.h"

namespace galley::controller {

/// How long the installation accepted nothing, as its controllers see it from outside the leader.
///
/// One row says when a controller was last known to accept. Whoever finds one accepting moves it;
/// if that comes after an outage, the time since then is counted, once, whoever saw it. So an
/// outage is counted from the last probe that was accepted to the first that is again: at most one
/// probe's distance too long, never too short. All times are the database's own.

/// What all may come to: ten minutes in two years.
inline constexpr Millis kDownBudget{600'000};
inline constexpr int kBudgetMonths = 24;

struct ServiceState {
  WallTime accepted{};  // when a controller was last known to accept
  std::string watcher;  // the standby that asked last, whatever it was told; empty: none ever did
  WallTime watched{};
};

/// What one controller has found.
struct Finding {
  std::string by;             // its name
  bool accepted = false;      // else: refused, or not answered
  bool from_outside = false;  // else the leader speaks of itself
  /// For how long it was refused before; absent when the probe before was accepted.
  std::optional<Millis> refused_for{};
  /// Nobody speaks up for longer than this only while nobody serves.
  Millis silence{};
};

struct Outage {
  WallTime from{};
  WallTime to{};
};

/// A day or a month of service.
struct ServicePeriod {
  std::string name;  // "2026-11-21" or "2026-11", UTC
  std::int64_t down_ms = 0;
  std::int64_t longest_ms = 0;  // without a break, within a day
  std::int64_t probes = 0;      // that were accepted
};

/// Whether the finding says anything: a leader's word of itself does not while another controller
/// watches it from outside. Pure.
bool is_heard(const ServiceState& state, const Finding& finding, WallTime now);

/// The outage that ends with an accepted finding, where there was one. Pure.
std::optional<Outage> outage_before(const ServiceState& state, const Finding& finding,
                                    WallTime now);

/// The parts of an outage by the days that it touches, in order. Pure.
std::vector<ServicePeriod> days_of(const Outage& outage);

/// The last `count` months, the current one first; `days` in any order. Pure.
std::vector<ServicePeriod> months_of(std::span<const ServicePeriod> days, WallTime now, int count);

/// Stores a finding in one transaction, and what follows from it. Errors: the store's.
Status record_finding(store::Database& database, const Finding& finding);

struct Availability {
  std::vector<ServicePeriod> months;  // of the last two years, the current one first
  std::string since;                  // the first day; empty before that
  std::int64_t down_ms = 0;           // ever
  std::int64_t probes = 0;            // ever
  std::int64_t down_ms_budgeted = 0;  // of the months that the budget is for
};
Result<Availability> read_availability(store::Database& database);

}  // namespace galley::controller
