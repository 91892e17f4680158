#pragma once

#include <array>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "fair_share.h"
#include "guarantees.h"
#include "jobs.h"
#include "locality.h"
#include "queue.h"
#include "releases.h"
#include "scheduler/placer.h"
#include "scheduler/scheduler.h"
#include "scheduler/start_estimator.h"
#include "user_quotas.h"

namespace galley::scheduler {

/// Kinds of requests among the jobs that are here, each counted, with what its members ask for.
class Signatures {
 public:
  Signature add(const QueuedJob& job);
  void remove(Signature signature);
  /// Valid until fleet numbers change.
  const std::vector<Request>& members(Signature signature, const Fleet& fleet);
  void forget_members();
  /// The most common kinds with their counts, each rounded to a power of two, so that it changes
  /// seldom. A function of the jobs that are here alone.
  std::vector<std::pair<Signature, int>> mix() const;

 private:
  struct Key {
    protocol::Resources resources;
    std::vector<std::int64_t> uneven_gpus;
    int runtime_bucket = 0;
    Container container = Container::none;
    bool operator<(const Key& other) const;
  };
  struct Kind {
    QueuedJob example;
    std::vector<Request> members;
    std::int64_t count = 0;
    Key key;
  };
  static Key key_of(const QueuedJob& job);

  std::map<Key, Signature> ids_;
  std::vector<std::optional<Kind>> kinds_;
  std::vector<Signature> unused_;
};

/// All that a scheduler remembers. Everything here follows from the events; caches aside, nothing
/// depends on when decide() was called.
struct State {
  explicit State(Options options_in) : options(options_in), shares(options_in.usage_half_life) {}
  State(const State& other);
  State& operator=(const State&) = delete;

  Options options;
  Fleet fleet;
  Jobs jobs;
  Signatures signatures;
  JobQueue queue;                                // may start, not entitled
  std::set<std::pair<WallTime, JobSeq>> future;  // start_at lies ahead
  std::vector<JobIndex> due;                     // start_at has come: first in the queue
  std::vector<JobIndex> entitled;                // guaranteed, not placed; in order
  std::vector<JobIndex> misplaced;               // guaranteed, placed where they cannot stay
  FairShare shares;
  Guarantees guarantees;
  std::map<std::string, Team> teams;
  UserQuotas quotas;
  std::map<std::string, Booking> bookings;
  Locality locality;
  std::vector<std::vector<JobIndex>> on_node;  // by NodeIndex
  /// GPUs on each node that jobs of each class hold, protected ones left out.
  std::vector<std::array<std::int32_t, 3>> preemptible;
  Releases releases;
  Placer placer;
  StartEstimator estimator;
  std::vector<JobIndex> fresh;                 // queued, and not yet told when they start
  std::vector<std::pair<Signature, int>> mix;  // as told to the placer
  std::size_t queued = 0;
  std::vector<std::int64_t> queued_of_team;
  std::array<double, 3> queued_gpu_s{};  // expected work that waits, by class
  std::int64_t queued_without_gpus = 0;
  double aged_gpus = 0;  // held by gangs that were placed by age
  /// Held by others that had waited for as long, by their band; and by those that need a node.
  std::array<double, JobQueue::kBands> lifted_gpus{};
  double aged_node_gpus = 0;
  std::array<std::int64_t, 3> placed_of_class{};  // by PriorityClass, without those that stop

  /// Brings numbers and caches up to date after nodes have changed. Before anything else.
  void settle();
  void set_node(const NodeOffer& offer);
  void queue_job(const QueuedJob& job);
  void place_job(const JobPlaced& event);
  void expect_runtime(const RuntimeExpected& event);
  void expect_end(const EndExpected& event);
  void stop_job(const JobId& job);
  void remove_job(const JobGone& event);
  /// Jobs whose start_at has come go before the queue: by class, then time, then acceptance.
  void pass_time(WallTime now);
  void set_team(const Team& team);
  void set_quota(const QuotaChanged& event);
  void refresh_mix();
  /// Tells the estimator of jobs that have to wait, and what the plan reserved for them.
  void promise_starts(const Plan& plan, WallTime now);
  StartFeatures features_of(const Job& job, std::optional<Millis> reserved) const;
  void attach(JobIndex index);  // takes what the job's placement names
  void detach(JobIndex index);
  void retake(NodeIndex node);
  void count_preemptible(NodeIndex node);
  /// Into the queue, or as far as its user's quota lets it.
  void line_up(JobIndex index);
  void let_in(JobIndex index);
  void take_back(JobIndex index);
  void review_quota(const std::string& user);
  void enqueue(JobIndex index);
  void dequeue(JobIndex index);
  bool wants_guarantee(const Job& job) const;
  /// Past the age limit, and of the kind that smaller jobs pass most: a gang over several nodes.
  bool is_aged(const Job& job, WallTime now) const;
  /// Past the age limit and in need of a whole node at least: GPUs may be kept idle for it until it
  /// has them together. Smaller jobs find a place whenever something ends, and where the team has
  /// cells for it, its private cluster bounds its wait.
  bool has_waited(const Job& job, WallTime now) const;
  /// The band that a job is lifted out of by its age: no gang, and nothing else bounds its wait.
  std::optional<int> lifted_from(const Job& job, WallTime now) const;
  void join_private_cluster(JobIndex index);
  void rebuild_private_cluster(std::size_t team);
  /// The placed job holds (1) or no longer holds (-1) what its age counts for.
  void count_by_age(const Job& job, int change);
  /// The job has joined (1) or left (-1) those that wait.
  void count_waiting(const Job& job, int change);
};

/// GPU equivalents that a job's use counts as: its GPUs, or a sixteenth for each processor where it
/// has none.
double share_of(const Job& job);
/// GPU-seconds that a waiting job is expected to take.
double queued_work(const Job& job);

}  // namespace galley::scheduler
