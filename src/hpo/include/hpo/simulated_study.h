#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include "hpo/study.h"

namespace galley::hpo {

/// Where the trials of a simulated study train: a table of curves, a formula, a model.
class TrialWorld {
 public:
  virtual ~TrialWorld() = default;
  struct Step {
    enum class Kind { report, last_report, failure };
    Kind kind = Kind::report;
    double seconds = 0;  // from the step before (or the start) to this one
    double resource = 0;
    std::vector<double> objectives{};
  };
  /// Begins an attempt: weights as of the checkpoint, or none.
  virtual void start(TrialNumber trial, const Point& point, std::int64_t run_seed,
                     const std::string& checkpoint) = 0;
  /// Trains to the next report.
  virtual Step next(TrialNumber trial) = 0;
  /// A name from which the weights of now can be started again.
  virtual std::string checkpoint(TrialNumber trial) = 0;
};

/// Costs of real life, in seconds; all 0: trials start, stop and are saved at once.
struct SimulationOptions {
  double startup_s = 0;     // from the order to the first step, with loading a checkpoint
  double checkpoint_s = 0;  // saving, at each report
  double leave_s = 0;       // from a pause to free GPUs, and a uniform draw of the spread
  double leave_spread_s = 0;
  double preempt_mean_s = 0;  // Poisson preemption of each running trial, without grace; 0: never
  std::uint64_t seed = 1;
};

struct SimulationUse {
  double trained_s = 0;  // trial-seconds of steps that ended
  double busy_s = 0;     // trial-seconds with a slot
  double lost_s = 0;     // steps begun and not kept, starts after a preemption, checkpoints of one
  std::int64_t preemptions = 0;
  std::int64_t revivals = 0;
  std::vector<double> leave_s{};  // each pause: from the order to free GPUs
};

/// Drives a study on a simulated clock: its actions become starts and stops in the world, the
/// world's steps become its events. Equal seeds give equal runs. Not thread-safe.
class SimulatedStudy {
 public:
  SimulatedStudy(Study& study, TrialWorld& world, SimulationOptions options);

  /// Gives the study an event of the outside, at the time of now or later.
  void tell(Event event);
  /// Runs up to this time, or until `stop` says so (asked after each report), or nothing is left.
  /// True if there is more to do.
  bool run_until(double at_s);

  using OnReport =
      std::function<bool(double at_s, TrialNumber trial, const TrialWorld::Step& step)>;
  /// Sees each report as it is made; false ends run_until.
  void on_report(OnReport watch) { watch_ = std::move(watch); }
  /// Called when a trial has left its GPUs.
  void on_free(std::function<void(double at_s)> freed) { freed_ = std::move(freed); }
  /// Sees each event and the actions that it led to.
  using OnApply = std::function<void(const Event& event, const std::vector<Action>& actions)>;
  void on_apply(OnApply seen) { seen_ = std::move(seen); }

  double now_s() const { return now_s_; }
  const SimulationUse& use() const { return use_; }
  std::int64_t holding() const { return static_cast<std::int64_t>(running_.size()); }

 private:
  enum class Due { begin, step, preempt, leave };
  struct Attempt {
    std::int32_t number = 0;
    std::int32_t ticket = 0;  // what is due of an older ticket is void
    double began_s = 0;
    double saved_s = 0;
    TrialWorld::Step step{};
    double resource = 0;
    double leave_from_s = 0;
  };
  struct Entry {
    double at_s = 0;
    std::int64_t sequence = 0;
    TrialNumber trial = 0;
    std::int32_t ticket = 0;
    Due due = Due::begin;
    bool operator>(const Entry& other) const {
      return at_s != other.at_s ? at_s > other.at_s : sequence > other.sequence;
    }
  };
  void apply(const Event& event);
  void carry_out(const Action& action);
  void schedule(double in_s, TrialNumber trial, Due due);
  bool happen(const Entry& entry);
  bool step_ends(TrialNumber trial, Attempt& attempt);
  void advance(double at_s);

  Study& study_;
  TrialWorld& world_;
  SimulationOptions options_;
  Rng rng_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> due_;
  std::map<TrialNumber, Attempt> running_;
  SimulationUse use_;
  OnReport watch_;
  OnApply seen_;
  std::function<void(double)> freed_;
  double now_s_ = 0;
  std::int64_t sequence_ = 0;
  std::int32_t tickets_ = 0;
};

}  // namespace galley::hpo
