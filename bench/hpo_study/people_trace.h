#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <vector>

namespace galley::bench {

/// A job of a person, or a trial where tuning runs as ordinary jobs.
struct PeopleJob {
  double arrives_s = 0;
  double runs_s = 0;
  std::int64_t gpus = 1;
  std::int64_t study = -1;  // of which study it is a trial; -1: a person's
};

struct PeopleTraceOptions {
  double days = 14;
  std::int64_t gpus = 256;
  double load = 0.5;  // of all GPU time
};

/// Seeded and bursty: arrivals come in bursts (geometric, mean 4, within ten minutes) whose rate
/// follows the hours of the day; 1, 2, 4 or 8 GPUs; log-normal durations with a median of an hour.
std::vector<PeopleJob> people_trace(std::uint64_t seed, const PeopleTraceOptions& options);

/// First come, first served on one pool of GPUs, without overtaking.
class PeopleQueue {
 public:
  PeopleQueue(const std::vector<PeopleJob>& jobs, std::int64_t gpus)
      : jobs_(jobs), free_(gpus), began_s_(jobs.size(), -1) {}

  /// The next arrival or end; infinity if none.
  double next_s() const;
  /// Lets jobs arrive and end that are due.
  void pass(double now_s);
  /// Starts who waits while `spare` GPUs beside its own use are free for it.
  void start_waiting(double now_s, std::int64_t held_by_others);
  std::int64_t use() const { return use_; }
  std::int64_t waiting_gpus() const { return waiting_gpus_; }
  const std::vector<double>& began_s() const { return began_s_; }
  double used_gpu_s(double now_s);
  std::function<void(std::size_t job, double now_s)> on_end;

 private:
  struct End {
    double at_s = 0;
    std::size_t job = 0;
    bool operator>(const End& other) const { return at_s > other.at_s; }
  };
  const std::vector<PeopleJob>& jobs_;
  std::int64_t free_;  // of all, not counting what others hold
  std::int64_t use_ = 0;
  std::int64_t waiting_gpus_ = 0;
  std::size_t arrived_ = 0;
  std::deque<std::size_t> waiting_;
  std::vector<double> began_s_;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  double used_gpu_s_ = 0;
  double counted_to_s_ = 0;
};

}  // namespace galley::bench
