#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "hpo/ladder.h"

namespace galley::hpo {

enum class TrialState : std::uint8_t {
  waiting,  // live: ordered, not yet running
  running,  // live
  leaving,  // live: told to go, still holds its GPUs
  stopped,  // stop pool
  dead,     // dead pool
  finished,
  failed,
  infeasible
};

std::string_view to_string(TrialState state);

/// Settings of a trial from one resource on, and whose weights it began with.
struct Segment {
  std::int32_t attempt = 0;
  Point point{};
  double from_resource = 0;
  TrialNumber parent = -1;  // -1: its own weights, or none
  std::int32_t parent_attempt = 0;
};

/// A piece of a lineage: this trial trained with these settings from here to there.
struct LineagePiece {
  TrialNumber trial = 0;
  Point point{};
  double from_resource = 0;
  double to_resource = 0;
};

struct Checkpoint {
  std::string name{};  // empty: none
  double resource = 0;
  double at_s = 0;
  std::int32_t attempt = 0;
  bool was_copied = false;  // by a member of the population
};

struct Trial {
  TrialNumber number = 0;
  TrialState state = TrialState::waiting;
  Point point{};
  double budget = 1;
  std::int32_t attempt = 1;
  std::int32_t branch_attempt = 1;   // the first that began with the weights of now
  double resource = 0;               // of the last accepted report
  std::vector<double> objectives{};  // of that report, or the best (StudySpec::best_report)
  Checkpoint checkpoint{};
  bool is_interrupted = false;    // left without having been judged
  bool goes_dead = false;         // leaving for the dead pool
  double judged_from_share = 0;   // revived for its prospects: it runs to its next mark first
  std::optional<Segment> next{};  // an exploit that waits for its turn
  std::string next_checkpoint{};
  double attempt_began_s = 0;       // when it began to run; negative: not yet
  double attempt_from = 0;          // the resource that it began at
  std::int64_t gpu_us = 0;          // microseconds of GPUs up to its last event ...
  double gpu_seconds = 0;           // ... and the same in seconds
  std::int64_t counted_to_us = 0;   // that time, of a running attempt
  double lost_gpu_seconds = 0;      // trained after the last checkpoint, then taken away
  double seconds_per_resource = 0;  // 0: not known
  std::int64_t run_seed = 0;
  TrialNumber repeat_of = -1;  // of a finalist
  std::vector<Segment> segments{};
  std::string why{};  // the last decision on it

  bool is_live() const { return state <= TrialState::leaving; }
  bool has_ended() const { return state >= TrialState::finished; }
};

struct PoolCounts {
  std::int64_t live = 0;
  std::int64_t stop = 0;
  std::int64_t dead = 0;
  std::int64_t ended = 0;
};

/// What is known of a trial's future from its place on the ladder.
struct Prospect {
  double chance = 0;  // to beat the best of the others
  double gain = 0;    // expected gain over it, in units of the normal score
};

/// Expects where trials will end. A trial with normal score z after a share s of its budget is
/// expected to end at r z with deviation sqrt(1 - r^2), where r^2 = s / (s + 0.1): the correlation
/// of early with final ranks that grows with the share. (On 365 AlexNet curves, which were not
/// fitted: 0.74, 0.93, 0.97 at 0.1, 0.2, 0.33; this says 0.71, 0.82, 0.88, and so keeps more
/// doubt.)  What the best of n unknown trials would have bounds the incumbent from below, so that
/// a lucky first trial does not end the search. Pure; a value.
class Prospects {
 public:
  struct Known {
    TrialNumber trial = 0;
    double score = 0;
    double share = 0;
  };
  /// `count`: of the trials that these are the best of; 0: these are all.
  explicit Prospects(std::span<const Known> known, std::size_t count = 0);
  Prospect of(TrialNumber trial, double score, double share) const;
  /// Of a trial that has not begun.
  Prospect of_new() const;

 private:
  Prospect against(double score, double share, double best) const;
  double best_ = 0;
  double second_ = 0;
  TrialNumber best_trial_ = -1;
};

/// The stop pool, in the order in which it is asked for. Trials enter when they have stopped and
/// leave before anything of them changes. O(log n).
class StopPool {
 public:
  explicit StopPool(std::size_t marks) : judged_(marks + 1) {}
  void enter(const Trial& trial, const Ladder& ladder);
  void leave(const Trial& trial, const Ladder& ladder);

  /// Left without having been judged; with repetitions of finalists.
  const std::set<TrialNumber>& interrupted() const { return interrupted_; }
  /// All but repetitions.
  const std::set<TrialNumber>& searching() const { return searching_; }
  std::size_t judged_count() const { return judged_count_; }
  /// The judged ones by their last mark (first: of none), each the best first.
  const std::vector<std::set<Ladder::Entry>>& judged() const { return judged_; }

 private:
  std::set<TrialNumber> interrupted_;
  std::set<TrialNumber> searching_;
  std::vector<std::set<Ladder::Entry>> judged_;
  std::size_t judged_count_ = 0;
};

/// Who gives up GPUs when a study must shrink: who loses least, which is the time since its last
/// checkpoint times the chance that it is good.
struct Holder {
  TrialNumber trial = 0;
  double unsaved_s = 0;
  double chance = 0;
};
/// The `count` least losses first; ties by the lower chance, then the later trial. O(n log n).
std::vector<TrialNumber> least_loss(std::vector<Holder> holders, std::size_t count);

}  // namespace galley::hpo
