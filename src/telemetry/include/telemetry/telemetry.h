#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "protocol/samples.h"
#include "store/database.h"
#include "telemetry/gauges.h"
#include "telemetry/usage.h"

namespace galley::telemetry {

/// What a gauge did within a step of a query. Never empty: steps without numbers are left out.
struct Point {
  std::int64_t at_ms = 0;  // begin of the step
  float min = 0;
  float mean = 0;
  float max = 0;
  float last = 0;
};

struct Series {
  std::string subject;  // UUID of the GPU, id of the attempt, name of the team; empty for a node
  std::vector<Point> points;
};

struct Query {
  NodeId node;  // empty: the fleet's own series (fleet, team, user)
  Metric metric;
  std::string subject;  // empty: all of that kind, at most kMostSeries
  WallTime from{};
  WallTime to{};
  Millis step{};  // at least 5 s, and at most kMostPoints of them
};
inline constexpr std::int64_t kMostPoints = 2'000;
inline constexpr std::size_t kMostSeries = 64;
inline constexpr Millis kPeriod{5'000};

/// What a machine was last seen doing.
struct GpuNow {
  std::string uuid;
  std::int64_t index = 0;
  std::string model;
  bool allocated = false;
  bool idle = false;            // allocated and unused
  std::vector<float> values{};  // of gauges(Kind::gpu)
};
struct NodeNow {
  NodeId id;
  std::string name;
  WallTime at{};
  std::vector<float> values{};  // of gauges(Kind::node)
  std::vector<GpuNow> gpus{};   // by index
};

/// Something of the platform itself that people must hear of. Name and subject together are one
/// alarm for as long as they come; the evidence may change.
struct Alarm {
  std::string name;      // "node_excluded"
  std::string subject;   // "gpu05"
  std::string evidence;  // a sentence
};

/// One number that a rule may look at, and what it is of.
struct Reading {
  std::string subject{};  // "gpu05 GPU 3", "team nlp"; "fleet"
  std::vector<std::pair<std::string_view, std::string>>
      labels{};  // node, gpu, uuid, job, team, user
  float value = 0;
};

/// The one store of what machines, GPUs and jobs do over time.
///
/// The newest five minutes of everything are in memory (about 9 KiB a GPU with its share of the
/// rest, 75 MiB for 1,000 machines of 8); every 45 s a machine's new rows become one chunk in the
/// database, hours of those become minutes, and days of these quarters of an hour: see rollup.h for
/// how long each is kept. A restart loses less than a minute, a proper stop nothing. What the
/// database does not take is tried again as long as it is in memory.
///
/// Times are the controller's: the clocks of machines may be wrong by minutes.
///
/// A GPU is idle when it is allocated and did less than 5 % on average over its last five minutes,
/// all of which it must have been looked at.
///
/// Thread-safe. One thread of its own. Blocking calls: those that answer a Result.
class Telemetry {
 public:
  struct Options {
    bool background = true;  // off: only work() does anything, for tests
    Millis period = kPeriod;
    Millis flush_after{45'000};
    std::size_t max_nodes = 20'000;  // further ones are not followed
  };
  Telemetry(store::Database& database, const Clock& clock, Options options);
  Telemetry(store::Database& database, const Clock& clock)
      : Telemetry(database, clock, Options()) {}
  ~Telemetry();
  /// Stores what is in memory. Idempotent.
  void stop();

  /// Takes a sample in. Does not block.
  void add(const NodeId& node, std::string_view name, const protocol::NodeSample& sample);

  /// Called after each period on our thread with the time. Set before the first sample.
  void on_period(std::function<void(WallTime)> listener);

  /// Asked each period on our thread for the alarms of now, for readings of kPlatformAlarm. Set
  /// before the first sample. What a sample shows itself, a process that nobody started on a GPU
  /// that a job holds, is added here.
  void alarms_from(std::function<std::vector<Alarm>()> source);

  /// Errors: invalid_argument naming from, to or step; the store's.
  Result<std::vector<telemetry::Series>> query(const Query& query) const;
  /// Machines heard of within a minute, by name, after that name.
  std::vector<NodeNow> newest(std::string_view after_name, std::size_t limit) const;
  std::optional<NodeNow> newest(const NodeId& node) const;
  /// Newest numbers of a metric over everything.
  std::vector<Reading> readings(Metric metric) const;
  /// The node of that id or name, of those in memory or in the database. Errors: not_found.
  Result<NodeId> find_node(std::string_view id_or_name) const;
  /// Where the attempts of a job ran: node and attempt, newest first.
  Result<std::vector<std::pair<NodeId, AttemptId>>> places_of(const JobId& job) const;

  /// Errors: invalid_argument naming from or to; the store's.
  Result<UsageReport> usage(WallTime from, WallTime to, GroupBy by) const;

  /// Families of machines, GPUs, teams and the fleet in the text form of Prometheus.
  void print(std::string& out) const;
  /// The same, shared by all who ask. That of a large fleet (over kLargeTextBytes) takes longer
  /// than a scrape may, so it is put together in the background once each period while somebody
  /// asks, and is up to a period old.
  std::shared_ptr<const std::string> text() const;
  static constexpr std::size_t kLargeTextBytes = 1 << 20;

  /// Bytes that the newest rows and lines take.
  std::size_t bytes() const;

  /// One period's work, now: counts, usage, and what is due to be stored. For tests without a
  /// background.
  Status work();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::telemetry
