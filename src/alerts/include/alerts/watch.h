#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "alerts/rule.h"
#include "telemetry/telemetry.h"

namespace galley::alerts {

/// A rule began to be true of something for long enough, or is over.
struct Change {
  bool firing = false;
  std::string subject;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;     // the newest known
  WallTime since{};     // from when on the rule was true
  WallTime at{};        // of this change
  bool silent = false;  // over because nothing more is heard of it
};

/// One rule over time. Pure: readings and the time in, changes out. Each subject goes
/// quiet → pending → firing → quiet; both ways take time, see Rule, and the way back at most
/// kLongestClear. Not thread-safe. O(readings log subjects) a step.
class Watch {
 public:
  explicit Watch(Rule rule) : rule_(std::move(rule)) {}

  static constexpr Millis kLongestClear{60'000};
  static constexpr Millis kPendingSilence{30'000};  // a gap this long begins the wait anew
  static constexpr Millis kFiringSilence{5 * 60'000};

  std::vector<Change> step(std::span<const telemetry::Reading> readings, WallTime now);
  /// Goes on with what fired before a restart.
  void restore(const std::string& subject, WallTime since, double value, WallTime now);

  const Rule& rule() const { return rule_; }
  std::size_t firing() const;

 private:
  struct State {
    bool firing = false;
    WallTime since{};
    WallTime seen{};
    std::optional<WallTime> clear_since;
    double value = 0;
    std::vector<std::pair<std::string, std::string>> labels;
  };
  bool matches(const telemetry::Reading& reading) const;
  bool is_clear(double value) const;
  void take(const telemetry::Reading& reading, WallTime now, std::vector<Change>& changes);

  Rule rule_;
  std::map<std::string, State> states_;  // of subjects that are not quiet
};

}  // namespace galley::alerts
