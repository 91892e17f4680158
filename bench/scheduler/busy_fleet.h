#pragma once

#include <random>
#include <vector>

#include "scheduler/scheduler.h"

namespace galley::bench {

/// A fleet of four GPU models in racks, and a stream of jobs as a large company has them: many
/// small ones, some of whole nodes, a few gangs; twenty teams; most with a stated runtime.
class BusyFleet {
 public:
  BusyFleet(std::int64_t nodes, std::int64_t gpus_of_a_node, std::uint64_t seed);

  scheduler::Scheduler& scheduler() { return scheduler_; }
  WallTime now() const { return now_; }
  void pass_time(Millis time) { now_ += time; }
  scheduler::QueuedJob next_job();
  /// A job that runs, picked at random; it runs no more. Requires that there is one.
  JobId end_any();
  std::size_t running() const { return running_.size(); }
  /// Applies all that the plan wants, as if done at once.
  void carry_out(const scheduler::Plan& plan);
  double gpus_in_use_ratio() const;

 private:
  struct Running {
    scheduler::QueuedJob job;
    std::int64_t gpus = 0;
  };
  scheduler::Scheduler scheduler_;
  std::mt19937_64 random_;
  WallTime now_{Millis{1'700'000'000'000}};
  std::int64_t jobs_ = 0;
  std::int64_t gpus_ = 0;
  std::int64_t gpus_in_use_ = 0;
  std::vector<Running> running_;
};

}  // namespace galley::bench
