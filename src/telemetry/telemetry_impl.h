#pragma once

#include <array>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "exposition.h"
#include "holders.h"
#include "telemetry/telemetry.h"
#include "usage_book.h"
#include "window.h"

namespace galley::telemetry {

/// A machine is shown and counted as long as it was heard of within this time.
inline constexpr std::int64_t kFreshMs = 60'000;
inline constexpr std::int64_t kIdleWindowMs = 5 * 60'000;
inline constexpr double kIdleBelowRatio = 0.05;

/// What is known of one machine, or of the fleet.
struct Entry {
  struct Gpu {
    std::string uuid;
    std::int64_t index = 0;
    std::string model;
    std::string stranger;  // a process there that belongs to no attempt
  };

  std::mutex mutex;  // guards all below
  std::string name;
  Window window;
  std::int64_t stored_ms = 0;  // rows up to then are in the database
  std::int64_t sample_ms = 0;  // when the newest came
  std::optional<HostCounters> host;
  std::map<std::string, JobCounters> jobs;
  std::vector<Gpu> gpus;
  std::shared_ptr<const NodeText> text;
};

/// Buckets of how long jobs waited: from at once to days.
struct WaitCounts {
  static constexpr std::array<double, 8> kBoundsSeconds{1,    10,    60,     300,
                                                        1800, 7'200, 28'800, 86'400};
  std::array<std::int64_t, kBoundsSeconds.size() + 1> counts{};
  double sum_s = 0;
};

/// What the last period found out about teams, users and the fleet.
struct Standing {
  std::int64_t at_ms = 0;
  FleetCounts fleet;
  std::map<std::string, FleetCounts> teams;
  std::map<std::string, FleetCounts> users;
  WaitCounts waits;
};

struct Telemetry::Impl {
  Impl(store::Database& database_in, const Clock& clock_in, Options options_in)
      : database(database_in), clock(clock_in), options(options_in) {}

  std::int64_t now_ms() const { return to_ms(clock.wall()); }
  std::shared_ptr<Entry> find(const std::string& node) const;
  std::vector<std::pair<std::string, std::shared_ptr<Entry>>> all() const;
  /// Allocated and unused for five minutes.
  bool is_idle_locked(const Entry& entry, std::string_view uuid, std::int64_t now) const;

  void serve();
  Status work();
  /// Who holds what now, and what follows from it.
  Status count(std::int64_t now);
  void count_node_locked(const Entry& entry, std::int64_t now, double passed_s, const Holders& held,
                         Standing& next);
  void add_fleet_row(std::int64_t now, const Standing& next);
  /// Errors: the store's.
  Status store_due(std::int64_t now, bool everything);
  Status store_usage(std::int64_t now);
  Status roll_up_due(std::int64_t now);
  void forget_silent(std::int64_t now);
  void print(std::string& out) const;
  void renew_text(std::int64_t now);
  void look_for_alarms(std::int64_t now);
  std::vector<Alarm> strangers() const;
  std::vector<Reading> alarm_readings() const;
  void log_failure(std::string_view what, const Status& status);

  store::Database& database;
  const Clock& clock;
  const Options options;

  mutable std::shared_mutex entries_mutex;                // guards entries
  std::map<std::string, std::shared_ptr<Entry>> entries;  // by node id; "" is the fleet

  mutable std::mutex standing_mutex;  // guards standing and holders
  Standing standing;
  Holders holders;

  std::mutex text_mutex;                         // guards the next three
  std::shared_ptr<const std::string> last_text;  // of print(), where that is large
  std::int64_t text_ms = 0;                      // when it was made
  std::int64_t asked_ms = 0;                     // when somebody last asked

  struct Alarmed {
    Alarm alarm;
    std::int64_t seen_ms = 0;
  };
  mutable std::mutex alarms_mutex;        // guards alarms
  std::map<std::string, Alarmed> alarms;  // by name and subject; those of the last minutes
  std::int64_t alarms_ms = 0;             // when they were last looked for

  std::mutex work_mutex;  // guards all below: one period's work at a time
  UsageBook book;
  bool book_loaded = false;
  std::int64_t counted_ms = 0;  // when count() last ran
  std::int64_t booked_ms = 0;   // when usage was last stored
  std::int64_t rolled_ms = 0;   // when roll_up_due() last ran
  std::int64_t pruned_ms = 0;
  std::map<std::string, Waiting> waiting;
  std::int64_t waiting_ms = 0;
  bool failing = false;
  std::function<void(WallTime)> listener;
  std::function<std::vector<Alarm>()> alarm_source;

  std::mutex stop_mutex;  // guards stopping
  std::condition_variable stop_changed;
  bool stopping = false;
  std::thread thread;
};

}  // namespace galley::telemetry
