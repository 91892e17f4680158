#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "scheduler/events.h"
#include "scheduler/plan.h"

namespace galley::scheduler {

struct State;

struct Options {
  std::size_t reservation_depth =
      64;                      // blocked jobs of the documented order that get a reservation
  double keep_ratio = 0.05;    // of the fleet's GPUs, kept idle for blocked jobs at once
  double aged_ratio = 0.15;    // of the fleet's GPUs, for borrowed gangs that went by age; and as
                               // much for jobs that need one whole node
  double lifted_ratio = 0.05;  // likewise, for each band of runtimes of jobs lifted out of it
  Millis usage_half_life{std::chrono::hours(24 * 7)};
  Millis age_limit{std::chrono::hours(24)};  // after it a job goes before the fair share
  Millis minimum_runtime{
      std::chrono::minutes(5)};  // a job is not preempted sooner (except idle class)
};

/// In memory, single-threaded, no clock, no I/O. The caller applies JobPlaced for each start and
/// JobStopping for each preemption that it carries out. A copy decides as the original does; it
/// knows what waits have taught so far, but learns nothing from jobs that wait already. Guides are
/// computed on one, on another thread.
class Scheduler {
 public:
  explicit Scheduler(Options options = {});
  Scheduler(const Scheduler&);
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(const Scheduler&);
  Scheduler& operator=(Scheduler&&) noexcept;
  ~Scheduler();

  void apply(const ClusterEvent& event);
  Plan decide(WallTime now);
  Guide guide(const QueuedJob& job, WallTime now) const;  // queued already, or only thought of
  Explanation why(const JobId& job, WallTime now) const;
  /// Errors: invalid_argument when the fleet could never hold the request; `expected` says what
  /// would fit. Without any node, whatever one node could hold is admitted: nodes may still come.
  Status admit(const QueuedJob& job) const;

  /// The queued job, or null. Valid until the next apply.
  const QueuedJob* find(const JobId& job) const;
  std::size_t queued() const;
  /// Cells that the team is guaranteed and that cannot be given at present, because something is
  /// broken or what runs on other teams' cells lies in their way.
  std::int64_t lost_cells(const std::string& team) const;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace galley::scheduler
