#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "fleet.h"
#include "scheduler/plan.h"
#include "scheduler/virtual_cluster.h"

namespace galley::scheduler {

/// Dense number of a job inside one scheduler.
enum class JobIndex : std::uint32_t {};
/// Kind of request: jobs of one signature fit or do not fit together, and run about as long.
enum class Signature : std::uint32_t {};

/// A job that is queued or placed.
struct Job {
  QueuedJob spec;
  Signature signature{};
  std::size_t team = 0;
  bool needs_nodes = false;  // a whole node, or several
  bool is_gang = false;      // several
  bool has_private_cluster = false;
  bool placed = false;
  bool by_age = false;  // was past the age limit when it was placed, and is not guaranteed
  /// Its band of expected runtimes, where it was past the age limit when it was placed, no gang,
  /// and nothing else bounded its wait.
  std::optional<int> lifted_from;
  bool stopping = false;
  bool held_back = false;   // its user's quota keeps it out of the queue
  bool entitled = false;    // its team's private cluster runs it: it is guaranteed
  bool protected_ = false;  // entitled, placed, and where it may stay: never evicted
  WallTime placed_at{};
  std::optional<WallTime> seen_end;  // by its progress, once that tells
  Placement placement;
  std::vector<Held> held;
};

/// GPUs that the job holds or asks for, parts counted as parts.
double gpus_of(const Job& job);

/// Jobs by dense number. Numbers are given again after their job is gone.
class Jobs {
 public:
  JobIndex add(QueuedJob spec);
  void remove(JobIndex index);
  std::optional<JobIndex> find(const JobId& id) const;
  /// Only jobs that were remembered are found by their seq: most are never asked for.
  void remember_seq(JobIndex index);
  std::optional<JobIndex> find(JobSeq seq) const;
  Job& operator[](JobIndex index) { return *slots_[static_cast<std::size_t>(index)]; }
  const Job& operator[](JobIndex index) const { return *slots_[static_cast<std::size_t>(index)]; }
  /// All of them, by number.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i]) visit(static_cast<JobIndex>(i), *slots_[i]);
  }

 private:
  std::vector<std::optional<Job>> slots_;
  std::vector<JobIndex> unused_;
  std::unordered_map<JobId, JobIndex> index_of_;
  std::unordered_map<JobSeq, JobIndex> index_of_seq_;
};

}  // namespace galley::scheduler
