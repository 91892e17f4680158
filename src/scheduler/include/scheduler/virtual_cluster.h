#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"

namespace galley::scheduler {

/// A job's number of acceptance: its name here, for it may be known longer than the job itself.
using JobSeq = std::int64_t;

/// One cell that a team owns: so many GPUs of one chain (a GPU model), with their part of a node's
/// processors and memory.
struct VirtualCell {
  int chain = 0;
  int gpus = 0;
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  bool operator==(const VirtualCell&) const = default;
};

/// What one member of a job asks of a cell. An empty list of chains: any.
struct VirtualMember {
  std::vector<int> chains;
  int gpus = 0;
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
};

/// The private cluster that a team is guaranteed, run in strict order on virtual time, whatever
/// the shared cluster does. A job that has started here is entitled to run in the shared cluster
/// at once; it may have begun there earlier on GPUs that others left idle.
///
/// A job that ended early in the shared cluster stays here until it would have ended in the private
/// one. So the private schedule never depends on what was borrowed, and no job of the team can ever
/// start later than in a cluster of the team's own (HiveD, OSDI 2020, calls the opposite a sharing
/// anomaly; keeping the private schedule itself is our way to rule it out).
///
/// Pure, deterministic, not thread-safe. add, remove: O(log jobs); advance: O(cells) for a start.
class VirtualCluster {
 public:
  /// Order of service: class, then acceptance.
  using Rank = std::pair<int, JobSeq>;
  struct Running {
    std::vector<std::size_t> cells;  // one for each member
    WallTime since{};
  };

  explicit VirtualCluster(std::vector<VirtualCell> cells = {});
  const std::vector<VirtualCell>& cells() const { return cells_; }
  /// A cell that is lost (its GPU is broken) starts nothing new.
  void set_lost(std::size_t cell, bool lost) { free_.at(cell).lost = lost; }
  bool is_lost(std::size_t cell) const { return free_.at(cell).lost; }

  /// True when the cells, all of them free, hold the members.
  bool could_hold(std::span<const VirtualMember> members) const;
  /// Queues a job. Requires could_hold. A job that is known as ended comes back: it was only
  /// preempted.
  void add(JobSeq job, int priority_class, std::vector<VirtualMember> members);
  /// The job is gone from the shared cluster, where its last start was at `began` (absent: it does
  /// not run). What it held here ends when it would have ended in the private cluster.
  void remove(JobSeq job, std::optional<WallTime> began, WallTime now);
  /// Lets private time pass up to now; answers the jobs that started, in order.
  std::vector<JobSeq> advance(WallTime now);

  bool holds(JobSeq job) const { return running_.contains(job); }
  const Running* running(JobSeq job) const;
  /// When the next job that has ended would have ended in the private cluster.
  std::optional<WallTime> next_end() const;

 private:
  struct Entry {
    Rank rank;
    std::vector<VirtualMember> members;
  };
  struct Free {
    int gpus = 0;
    std::int64_t cpu_milli = 0;
    std::int64_t memory_mib = 0;
    bool lost = false;
  };
  std::optional<std::vector<std::size_t>> place(std::span<const VirtualMember> members,
                                                std::vector<Free>& free) const;
  void start_from_head(WallTime at, std::vector<JobSeq>& started);
  void release(JobSeq job);

  std::vector<VirtualCell> cells_;
  std::vector<Free> free_;
  std::map<JobSeq, Entry> jobs_;
  std::map<Rank, JobSeq> waiting_;
  std::map<JobSeq, Running> running_;
  std::map<JobSeq, Millis> ran_;                // of jobs that are gone from the shared cluster
  std::set<std::pair<WallTime, JobSeq>> ends_;  // of those among them that run here
};

}  // namespace galley::scheduler
