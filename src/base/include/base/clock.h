#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "base/result.h"

namespace galley {

using Millis = std::chrono::milliseconds;
/// Wall time for records, in milliseconds since 1970 UTC.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Millis>;
/// Monotonic time for timeouts; never stored, never compared between machines.
using Instant = std::chrono::steady_clock::time_point;

/// Where time comes from. Injected, so that tests and simulations own it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual Instant steady() const = 0;
};

/// The machine's clocks.
const Clock& system_clock();

/// A clock that moves only when told to.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime{Millis{1'700'000'000'000}}) : wall_(start) {}
  WallTime wall() const override;
  Instant steady() const override;
  void advance(Millis by);

 private:
  mutable std::mutex mutex_;  // guards wall_ and steady_
  WallTime wall_;
  Instant steady_{};
};

/// "2026-12-01T09:00:00.000Z".
std::string to_rfc3339(WallTime time);
/// Accepts "2026-12-01T09:00[:SS[.mmm]](Z|+09:00)" and "2026-12-01" (midnight UTC).
/// Errors: invalid_argument, with the form that was expected.
Result<WallTime> parse_rfc3339(std::string_view text);

inline std::int64_t to_ms(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime from_ms(std::int64_t ms) { return WallTime{Millis{ms}}; }

}  // namespace galley
