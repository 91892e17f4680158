#pragma once

#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hpo/early_stopping.h"
#include "hpo/pool.h"
#include "hpo/space.h"
#include "hpo/study_events.h"
#include "hpo/study_spec.h"

// A study is one object over several files: study.cpp holds what events do, study_choice.cpp what
// runs next, study_end.cpp how it ends, study_journal.cpp its journal.

namespace galley::hpo {

/// Makes the sampler that a spec names, for its space and seed.
using SamplerFactory =
    std::function<Result<std::unique_ptr<Sampler>>(const StudySpec& spec, const Space& space)>;

/// A study as a state machine: events in, actions out. No clock, no I/O; all randomness comes from
/// the spec's seed, so that the same events give the same actions, and a study that is rebuilt
/// from its events goes on as if nothing had happened.
///
/// A trial is in one pool: live (it holds GPUs or waits for them), stop (it has a checkpoint and
/// may be revived), dead (stopped for good), or it has ended (finished, failed, infeasible). A
/// preempted trial is in the stop pool, keeps its number, attempts and checkpoint, and is the first
/// to come back. GPUs are freed by an event, never by the order: an ordered pause holds its slot
/// until it is released.
///
/// Events may come late, twice or for attempts that are over: a report is accepted if it is
/// further than all before it, so a value counts once; what contradicts the state is ignored.
///
/// Not thread-safe. apply: O(live + log(trials)) and what the sampler and the method take (only
/// naming a winner looks at all trials); memory: the journal until it is taken.
class Study {
 public:
  /// Errors: invalid_argument (`auto` was not resolved, a budget parameter that is no number of the
  /// space), and those of the factory.
  static Result<Study> open(StudySpec spec, Space space, const SamplerFactory& make_sampler);

  std::vector<Action> apply(const Event& event);

  bool is_over() const { return is_over_; }
  const StudySpec& spec() const { return spec_; }
  const Space& space() const { return space_; }
  /// By number: trials are numbered from 0 in the order of their creation.
  const std::vector<Trial>& trials() const { return trials_; }
  PoolCounts pools() const;  // O(1)
  /// The best finished trial of the first measure (of its mean over seeds, once raced).
  std::optional<TrialNumber> best() const;
  double gpu_seconds() const { return static_cast<double>(gpu_us_) / 1e6; }
  double now_s() const { return now_s_; }
  std::int64_t slots() const { return slots_; }
  const std::string& why_over() const { return why_over_; }

  /// A better estimate of what an attempt has yet to run, in GPU-seconds for the whole budget, than
  /// its speed so far (the estimator's, say). Part of the future: set it again after a restore.
  using Cost = std::function<std::optional<double>(const Point& point)>;
  void set_cost(Cost cost) { cost_ = std::move(cost); }

  /// What came into the journal since the last call: a line for each accepted event, and one before
  /// it for each point that was proposed because of it. Times count to the microsecond, so that
  /// events that only told the time need no place in it.
  std::string take_journal() { return std::exchange(journal_, {}); }
  /// A study with the same past and the same future, from all that was ever taken of its journal.
  /// The sampler adopts its points instead of proposing them anew. O(events). `after_event` sees
  /// each event, and the study as it was after that.
  /// Errors: corrupt, those of open.
  static Result<Study> replay(
      std::string_view journal, StudySpec spec, Space space, const SamplerFactory& make_sampler,
      const std::function<void(const Study&, const Event&)>& after_event = {});

  /// What led to this trial's weights, oldest first: who trained with which settings from where to
  /// where. The last piece ends at the trial's last report.
  std::vector<LineagePiece> lineage(TrialNumber trial) const;

 private:
  Study(StudySpec spec, Space space);

  // study.cpp: what events do
  bool take(const Event& event);
  bool take_report(const Event& event, Trial& trial);
  bool is_result(const Trial& trial, const Event& report) const;
  void judge(Trial& trial, double share);
  void begin_running(Trial& trial);
  void count_gpu_time(Trial& trial);
  void end_running(Trial& trial);
  void leave_gpus(Trial& trial);
  void end_trial(Trial& trial, TrialState state, const std::string& why);
  void pass_time(double at_s);
  void order_out(Trial& trial, Action::Kind kind, std::string why);
  void observe(const Trial& trial, double resource, bool failed);
  bool others_wait_below(double resource) const;

  // study_journal.cpp
  bool take_known(const Event& event);
  void write_journal(Event event, std::size_t first_new_trial);
  Status replay_line(std::string_view line, const std::function<void(const Study&, const Event&)>&);

  // study_choice.cpp: what runs next
  void fill();
  void trim();
  bool may_create() const;
  bool revive_one();
  bool revive_for_prospects();
  void start_attempt(Trial& trial, Action action);
  void create_trial(Point point, std::int64_t run_seed, TrialNumber repeat_of, std::string why);
  void settle_stopped(Trial& trial);
  void shrink_stop_pool();
  Prospects prospects() const;
  Prospect prospect_of(const Trial& trial, const Prospects& hopes) const;
  double gain_rate(const Trial& trial, const Prospects& hopes) const;
  double budget_cost(const Trial& trial) const;

  // study_end.cpp
  void check_limits();
  void check_idle();
  void close_search(std::string why);
  void end_study(std::string why);
  void start_race();
  bool race();
  void drop_losers();
  double mean_loss(TrialNumber finalist, std::int64_t& runs) const;

  double loss_of(const Trial& trial) const;
  double budget_of(const Point& point) const;
  double gpus_of_trial() const;
  Trial& at(TrialNumber number) { return trials_[static_cast<std::size_t>(number)]; }
  const Trial& at(TrialNumber number) const { return trials_[static_cast<std::size_t>(number)]; }

  StudySpec spec_;
  Space space_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<EarlyStopping> pace_;
  std::unique_ptr<Ladder> ladder_;
  std::vector<Trial> trials_;
  std::vector<TrialNumber> live_;
  StopPool stop_pool_;
  std::int64_t dead_ = 0;
  std::string journal_;          // not yet taken
  std::vector<Action> actions_;  // of the event being applied
  Cost cost_;
  double now_s_ = 0;
  std::int64_t now_us_ = 0;
  std::int64_t gpu_us_ = 0;
  std::int64_t running_ = 0;         // attempts that run
  double seconds_per_resource_ = 0;  // running mean over trials, for those that have none
  std::int64_t slots_ = 0;
  std::int64_t used_ = 0;
  std::int64_t ended_ = 0;
  std::int64_t useful_ = 0;   // trials that reported anything
  std::int64_t created_ = 0;  // without repetitions
  std::int64_t known_ = 0;    // trials of old studies that it was told of
  std::optional<TrialNumber> at_target_;
  bool is_searching_ = true;
  bool is_over_ = false;
  std::string why_over_;
  std::vector<TrialNumber> finalists_;
  std::vector<TrialNumber> to_repeat_;  // finalists of this round without a repetition yet
  std::int64_t race_round_ = 1;
  std::int64_t open_repetitions_ = 0;
  // While an event is replayed: what the sampler proposed because of it, first first.
  std::optional<std::deque<Point>> known_points_;
  bool lacks_point_ = false;  // the replay wanted one more
};

}  // namespace galley::hpo
