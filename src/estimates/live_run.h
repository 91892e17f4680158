#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "estimates/live_etas.h"
#include "estimator/eta.h"
#include "protocol/job_eta.h"
#include "protocol/metrics_spec.h"
#include "tracking/records.h"

namespace galley::estimates {

/// How far one run is, by the points that it records, and when it will be done.
///
/// `total_steps` and `total_epochs` say where the end is, `step` and the step of any other point
/// how far it is, `epoch` likewise. What an agent has found itself (`log/…`) is a track of its own:
/// the program's words rule where they name an end, then those, then what earlier runs did.
/// One thread at a time. Memory: some 30 KiB for each kind of step that is told.
class LiveRun {
 public:
  LiveRun(WallTime started, LivePrior prior, std::optional<protocol::MetricGoal> goal);

  /// In the order in which they were recorded; what is not newer than what was seen is passed over.
  void add(std::span<const tracking::MetricPoint> points);
  /// It has ended well: what is done is all there was.
  void finish(WallTime at);

  /// `usual_total`: steps of earlier runs, where the run does not say.
  protocol::JobEta eta(WallTime now, const estimator::EtaHistory* history,
                       std::optional<double> usual_total);
  /// For the estimates of later runs; empty for one that did not come to its end.
  estimator::EtaProfile profile() const;
  std::int64_t points() const { return points_; }

 private:
  /// Steps or epochs of one source.
  struct Line {
    std::optional<double> total;
    std::unique_ptr<estimator::EtaTracker> tracker;
    std::optional<estimator::ProgressPoint> waiting;  // until a later time is seen
    std::optional<double> first;
    std::int64_t last_ms = 0;
  };
  struct Track {
    Line steps;
    Line epochs;
  };
  struct Chosen {
    Line* line = nullptr;
    protocol::EtaUnit unit = protocol::EtaUnit::step;
    std::optional<protocol::EtaTotal> total_from;
  };

  void add(Track& track, std::string_view key, const tracking::MetricPoint& point, bool found);
  void advance(Line& line, double position, std::int64_t at_ms, estimator::ProgressKind kind);
  void flush(Line& line);
  void set_total(Line& line, double total);
  Chosen choose(std::optional<double> usual_total);
  const estimator::Stability& stability_of(const estimator::EtaTracker& tracker);

  std::int64_t started_ms_;
  const LivePrior prior_;
  const std::optional<protocol::MetricGoal> goal_;
  Track own_;
  Track found_;
  std::int64_t points_ = 0;
  std::int64_t judged_at_ = -1;  // points, when the stability was last judged
  estimator::Stability stability_;
};

}  // namespace galley::estimates
