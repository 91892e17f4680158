#pragma once

#include <array>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "fair_share.h"
#include "jobs.h"

namespace galley::scheduler {

/// What waits and may start, in the documented order: class; then gangs past the age limit, by
/// acceptance; then shorter expected runtimes, in bands; then the team that has used the least for
/// its weight; then acceptance.
///
/// Jobs of one signature are kept together, so that a pass that finds one of them without a place
/// leaves out the others: with 100,000 jobs in the queue it looks at some hundreds.
class JobQueue {
 public:
  /// Bands of expected runtimes, each four times as long as the one before, from under 4 minutes.
  /// Of unknown length counts as long.
  static constexpr int kBands = 7;
  static int band_of(const Job& job);

  void add(JobIndex index, const Job& job);
  void remove(JobIndex index, const Job& job);
  /// The job of the class that has waited longest for a whole node of its own.
  std::optional<JobIndex> oldest_for_a_node(protocol::PriorityClass priority_class) const;
  /// Jobs before this one in its class, by acceptance. O(jobs of the class).
  std::int64_t ahead(const Job& job) const;

 private:
  /// What the order needs to know of a job, so that a walk need not look at the job itself.
  struct Entry {
    JobSeq seq = 0;
    JobIndex job{};
    int band = 0;
    bool is_lifted = false;  // by a band for each age limit
    WallTime queued_at{};
    bool operator<(const Entry& other) const { return seq < other.seq; }
  };
  static Entry entry_of(JobIndex index, const Job& job);
  using Line = std::set<Entry>;  // by acceptance
  using Lines = std::map<Signature, Line>;
  struct Class {
    Lines gangs;       // who may come first by age
    Line whole_nodes;  // of jobs that need one and whose wait nothing else bounds
    std::map<std::size_t, Lines> by_team;
  };
  static constexpr std::size_t kClasses = 3;

  std::array<Class, kClasses> classes_;

  friend class QueueWalk;
};

/// One pass over the queue in its order. The queue must not change meanwhile.
class QueueWalk {
 public:
  struct Aging {
    WallTime now{};
    Millis limit{0};
  };
  QueueWalk(const JobQueue& queue, const FairShare& shares, Aging aging);

  /// The next job, or nothing at the end.
  std::optional<JobIndex> next();
  /// Ends the part of the walk that goes by age; jobs that it did not reach come in their team's
  /// turn.
  void end_aged() { aged_ended_ = true; }
  /// From now on jobs of this band stand in it, however long they have waited.
  void end_lifts(int band) { lifts_ended_[static_cast<std::size_t>(band)] = true; }
  /// Leaves out the rest of the jobs of this signature.
  void skip(Signature signature) { skipped_.insert(signature); }
  /// The team was given so many GPU-seconds in this pass: it falls back behind the others.
  void charge(std::size_t team, double gpu_seconds);

 private:
  using Cursor = std::pair<const JobQueue::Line*, JobQueue::Line::const_iterator>;
  struct Head {
    int band = 0;  // where the job stands; 0 where only acceptance counts
    int own = 0;   // band of its expected runtime
    std::int64_t seq = 0;
    JobIndex job{};
    Signature signature{};
    Cursor cursor;
    bool operator>(const Head& other) const {
      return std::pair(band, seq) > std::pair(other.band, other.seq);
    }
  };
  using Heads = std::priority_queue<Head, std::vector<Head>, std::greater<>>;
  struct TeamLine {
    int band = 0;  // of its first job
    double claim = 0;
    std::string_view name;
    std::size_t team = 0;
    bool operator>(const TeamLine& other) const {
      return std::tuple(band, claim, name) > std::tuple(other.band, other.claim, other.name);
    }
  };

  void open_class();
  enum class By { acceptance, band };
  /// Where the job stands, unless its team's private cluster bounds its wait: its band, less one
  /// for each age limit that it has waited.
  int band_of(const JobQueue::Entry& entry) const;
  Head head_of(Signature signature, Cursor cursor, By by) const;
  /// The first head is none of a job that is left out or stands elsewhere by now.
  void tidy(Heads& heads) const;
  void push_team(std::size_t team);
  double claim_of(std::size_t team) const;
  Heads heads_of(const JobQueue::Lines& lines, By by) const;
  std::optional<Head> pop(Heads& heads, By by);
  bool old_enough(const JobQueue::Entry& entry) const {
    return aging_.now - entry.queued_at >= aging_.limit;
  }

  const JobQueue& queue_;
  const FairShare& shares_;
  const Aging aging_;
  std::array<bool, JobQueue::kBands> lifts_ended_{};
  std::set<Signature> skipped_;
  std::size_t class_ = 0;
  bool class_open_ = false;
  bool in_aged_ = true;
  bool aged_ended_ = false;
  std::set<JobIndex> seen_by_age_;
  Heads aged_heads_;
  std::map<std::size_t, Heads> team_heads_;
  std::map<std::size_t, double> charged_;
  std::priority_queue<TeamLine, std::vector<TeamLine>, std::greater<>> teams_;
};

}  // namespace galley::scheduler
