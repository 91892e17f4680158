#pragma once

#include <optional>
#include <set>
#include <vector>

#include "state.h"

namespace galley::scheduler {

/// One pass: decides on a copy of what is free, so that nothing of a plan is seen half-done.
class Planner {
 public:
  Planner(State& state, WallTime now);

  const Plan& decide();

  // After decide(), for a job that it neither started nor reserved for: it may expect to start in
  // the first gap (nothing: the fleet cannot hold it), after the backlog before it.
  std::optional<WallTime> gap_for(const std::vector<Request>& members);
  Millis backlog_before(const Job& job) const;
  /// After decide(): the start of a job whose start_at lies ahead.
  std::optional<WallTime> slot(JobSeq job) const;

 private:
  /// Jobs that a pass may try to make room for by preemption: each try looks at the whole fleet,
  /// and the pass after the victims have left tries the next.
  static constexpr std::size_t kMostPreemptionTries = 8;

  /// GPUs are not kept idle for longer than that, except for jobs past the age limit; and no gang
  /// displaces by age what has run for less.
  static constexpr Millis kLongestKeeping = std::chrono::hours(1);

  /// What is kept for a blocked job on one node: what is free of it now, and until when others may
  /// use that.
  struct Hold {
    NodeIndex node{};
    WallTime until{};
    Request wanted{};
    Request kept{};
    Grant grant{};
    DeviceSet allowed = ~DeviceSet{0};
    std::string booking{};
  };
  /// A job to be evicted, and how many of its GPUs on this node the beneficiary will use.
  struct Victim {
    JobIndex job{};
    NodeIndex node{};
    int gpus = 0;
  };
  /// Where a job can lie: at once, or once the victims have left (then grants name no devices).
  struct Room {
    std::vector<Grant> grants;
    std::vector<DeviceSet> allowed;
    std::vector<Victim> victims;
  };
  struct Wanted {
    NodeIndex node{};
    Request request;
    DeviceSet allowed = 0;  // where it may lie
  };

  void start_private_jobs();
  void place_entitled();
  std::optional<Room> room_for_entitled(JobIndex index);
  void hold_bookings();
  std::optional<WallTime> hold_slot(const std::vector<Request>& members, WallTime from,
                                    Millis length, const std::string& booking);
  /// The nodes that have most of what the members need free already: they stay the same from pass
  /// to pass, so that what is kept for a job grows.
  std::optional<std::vector<NodeIndex>> fullest_of_free(const std::vector<Request>& members) const;
  void count_reserved(NodeIndex node, int gpus, WallTime until);
  void walk_queue();
  /// The job was started: were it past the age limit, its kind has less left.
  void count_started_by_age(const Job& job);
  /// Starts the job, or keeps something for it. False: jobs like it need not be looked at.
  bool consider(JobIndex index);
  void start(JobIndex index, const std::vector<Choice>& choices, Standing standing);
  bool backfill(JobIndex index, const std::vector<Request>& members);
  bool preempt_for(JobIndex index, const std::vector<Request>& members);
  void preempt(const std::vector<Victim>& victims, JobIndex beneficiary, const char* reason);
  void reserve(JobIndex index, const std::vector<Request>& members);
  std::optional<std::pair<WallTime, std::vector<NodeIndex>>> earliest(
      const std::vector<Request>& members);
  void hold(Hold hold);
  void keep(Hold& hold);
  std::optional<WallTime> when_fits(NodeIndex node, const Request& request) const;
  std::optional<WallTime> when(NodeIndex node, const Request& request);
  /// The cheapest way to free what is wanted, given who may be evicted.
  template <class MayEvict>
  std::optional<Room> make_room(const Wanted& wanted, const MayEvict& may_evict) const;
  void close_devices_of(const Room& room);
  /// What an eviction costs, to be compared in this order: jobs that had to wait for their place go
  /// last; GPU-hours of work that is not saved, in whole hours (less than one is not worth a
  /// distinction); who has to go at all; whom one has to wait for; of equals the longest-running
  /// goes first, for it is the likeliest to run on.
  struct Loss {
    int by_age = 0;
    double gpu_hours = 0;
    int evicted = 0;
    int leaving = 0;
    double minus_ran_s = 0;
    auto operator<=>(const Loss&) const = default;
    Loss& operator+=(const Loss& other);
  };
  Loss loss_of(const Job& job) const;
  Loss loss_of(const Room& room) const;  // of all its victims
  /// Jobs of one node that must all leave to free its GPUs: one, or those that share a GPU.
  struct Eviction {
    Loss loss;
    JobSeq minus_seq = 0;
    std::vector<JobIndex> jobs;
    int gpus = 0;
  };
  template <class MayEvict>
  std::vector<Eviction> evictions_on(const Wanted& wanted, const MayEvict& may_evict) const;
  void wake(WallTime at);

  State& state_;
  const WallTime now_;
  Pool pool_;
  std::vector<Hold> holds_;
  std::vector<int> reserved_;  // GPUs of reservations and of starts of this pass, by node
  std::vector<WallTime> reserved_until_;  // when the last of them is expected to end
  std::map<JobSeq, WallTime> slots_;      // of jobs whose start_at lies ahead: when they can start
  int kept_gpus_ = 0;                     // idle ones that holds keep
  int keep_limit_ = 0;
  int gpus_in_service_ = 0;
  // GPUs of jobs that go first by age: gangs, those that need a node, and others by their band.
  double aged_limit_ = 0, lift_limit_ = 0;
  double aged_gpus_ = 0, aged_node_gpus_ = 0;
  std::array<double, JobQueue::kBands> lifted_gpus_{};
  bool keeps_for_queue_ = false;
  bool keeps_for_waited_ = false;
  /// Nodes by when they could hold a kind of member. Times only grow in a pass, so that the head of
  /// a heap is worked out again when it is looked at, and nothing else.
  struct Soonest {
    Request request;
    std::vector<std::pair<WallTime, std::uint32_t>> heap;
  };
  std::vector<Soonest> soonest_;
  std::set<Signature> blocked_;
  std::set<JobIndex> evicted_;
  std::map<std::pair<JobIndex, NodeIndex>, int> claimed_;  // GPUs of victims that are spoken for
  std::size_t preemption_tries_ = 0;
  Plan plan_;
  QueueWalk walk_;
};

}  // namespace galley::scheduler
