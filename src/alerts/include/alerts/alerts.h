#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alerts/watch.h"
#include "base/clock.h"
#include "base/result.h"
#include "store/database.h"
#include "telemetry/telemetry.h"

namespace galley::alerts {

/// A rule and whom it tells. At least one of webhook and command.
struct StoredRule {
  std::string name;
  std::string expression;
  std::string webhook{};               // http:// or https:// address that gets a POST
  std::vector<std::string> command{};  // program and arguments, started without a shell
  std::string principal{};
  WallTime created_at{};
  std::int64_t firing = 0;  // subjects of which it is true now
};

struct Firing {
  std::int64_t seq = 0;
  std::string rule;
  std::string subject;
  double value = 0;
  WallTime since{};
  WallTime fired_at{};
  std::optional<WallTime> resolved_at{};
};

inline constexpr std::size_t kMostRules = 500;
/// The alert about the platform itself. Adding one of this name says whom it tells; removing that
/// leaves the one that tells nobody.
inline constexpr const char* kPlatformRule = "platform";
inline constexpr const char* kPlatformExpression = "platform_alarm >= 1";

/// Stored rules, watched on the numbers of telemetry, and their delivery. Each change is stored and
/// is an event of kind "alert" before anybody is told; both ways of telling get the same JSON.
///
/// A webhook is tried five times within about a minute and a half (a 2xx ends it), a command once,
/// for ten seconds at the most. At most kMostWaiting deliveries wait; the oldest goes first.
///
/// Thread-safe. One thread of its own, for deliveries. The telemetry must outlive it.
class Alerts {
 public:
  struct Options {
    Millis first_retry{1'000};  // then four times as long each time
    Millis webhook_timeout{5'000};
    Millis command_timeout{10'000};
    /// Watch kPlatformRule without anybody having added it: then it tells nobody, and is listed.
    bool watch_platform = false;
  };
  static constexpr int kTries = 5;
  static constexpr std::size_t kMostWaiting = 256;

  /// Takes up the stored rules and what fires. Errors: the store's.
  static Result<std::unique_ptr<Alerts>> open(store::Database& database, const Clock& clock,
                                              const telemetry::Telemetry& telemetry,
                                              Options options);
  static Result<std::unique_ptr<Alerts>> open(store::Database& database, const Clock& clock,
                                              const telemetry::Telemetry& telemetry) {
    return open(database, clock, telemetry, Options());
  }
  ~Alerts();
  /// What waits to be delivered is dropped. Idempotent.
  void stop();

  /// Errors: invalid_argument (name, expression, webhook, command), conflict (the name is taken),
  /// too_large (kMostRules), the store's.
  Result<StoredRule> add(StoredRule rule);
  /// What it fires about is over. Errors: not_found, the store's.
  Status remove(const std::string& name);
  std::vector<StoredRule> rules() const;
  /// Newest first; only what fires now when `open`.
  Result<std::vector<Firing>> firings(bool open, std::int64_t limit) const;

  /// Judges all rules on the newest numbers. Errors: the store's; the same changes come again next
  /// time. That the database is away is told before it can be stored.
  Status step(WallTime now);

 private:
  struct Impl;
  explicit Alerts(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::alerts
