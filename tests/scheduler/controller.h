#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "fleet.h"

namespace galley::scheduler {

/// What the controller does with plans, on a clock that the test moves: starts and preemptions are
/// carried out at once, and a preempted job goes back to the queue.
class Controller {
 public:
  struct Running {
    QueuedJob job;
    Start start;
    WallTime since{};
  };

  explicit Controller(Options options = {}) : scheduler(options) {}

  void add(const NodeUp& node) {
    nodes[node.offer.id] = node.offer;
    scheduler.apply(node);
  }
  void team(const std::string& name, std::vector<Guarantee> guarantees, double weight = 1) {
    scheduler.apply(TeamChanged{{name, weight, std::move(guarantees)}});
  }
  void submit(QueuedJob job) {
    job.queued_at = now;
    scheduler.apply(JobQueued{std::move(job)});
  }
  /// One plan. Starts begin, and victims are asked to stop; they hold their place until freed.
  Plan pass() {
    const Plan plan = scheduler.decide(now);
    for (const Start& start : plan.starts) {
      const QueuedJob queued = *scheduler.find(start.job);
      scheduler.apply(JobPlaced{queued, start.placement, now});
      running.insert_or_assign(start.job, Running{queued, start, now});
    }
    for (const Preemption& one : plan.preemptions) {
      scheduler.apply(JobStopping{one.victim});
      stopping.insert(one.victim);
    }
    return plan;
  }
  /// Those that were asked to stop have stopped.
  void free_stopping() {
    const std::set<JobId> victims = std::exchange(stopping, {});
    for (const JobId& victim : victims) queue_again(victim);
  }
  /// Passes until nothing more happens at this moment; answers the jobs that started, and when to
  /// decide again.
  std::pair<std::vector<JobId>, std::optional<WallTime>> settle() {
    std::vector<JobId> started;
    for (int pass_count = 0;; ++pass_count) {
      const Plan plan = pass();
      for (const Start& start : plan.starts) started.push_back(start.job);
      if ((plan.starts.empty() && plan.preemptions.empty()) || pass_count > 100)
        return {std::move(started), plan.wake_at};
      free_stopping();
    }
  }
  void end(const JobId& job) {
    scheduler.apply(JobGone{job, now});
    running.erase(job);
    stopping.erase(job);
  }
  void end(int number) { end(job(number)); }
  /// It was preempted or has failed.
  void queue_again(JobId job) {
    const QueuedJob queued = running.at(job).job;
    end(job);
    scheduler.apply(JobQueued{queued});
  }
  bool runs(int number) const { return running.contains(job(number)); }
  Standing standing(int number) const { return running.at(job(number)).start.standing; }
  /// Its team's guarantee protects it from being evicted.
  bool is_protected(const JobId& job) const {
    const Explanation why = scheduler.why(job, now);
    return std::ranges::any_of(why.lines, [](const std::string& line) {
      return line.find("no other job can displace it") != std::string::npos;
    });
  }

  Scheduler scheduler;
  WallTime now = kNow;
  std::map<NodeId, NodeOffer> nodes;
  std::map<JobId, Running> running;
  std::set<JobId> stopping;
};

inline QueuedJob of_team(QueuedJob job, std::string team) {
  job.team = std::move(team);
  return job;
}
inline QueuedJob lasting(QueuedJob job, Millis typical) {
  job.runtime = Runtime{typical, typical};
  return job;
}

}  // namespace galley::scheduler
