#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/runner.h"
#include "attempt_follower.h"
#include "attempt_spec.h"
#include "base/clock.h"
#include "base/file.h"
#include "data_set_cache.h"
#include "event_loop.h"
#include "image_keeper.h"
#include "output_watch.h"
#include "process/attempt.h"
#include "run_facts.h"
#include "slow_worker.h"

namespace galley::agent {

/// What all attempts of one agent share; outlives them.
struct AttemptWorld {
  const Options& options;
  ControllerLink& link;
  blobs::BlobStore& blobs;
  const Clock& clock;  // stamps records; waiting uses the machine's own monotonic clock
  EventLoop& loop;
  SlowWorker& slow;
  DataSetCache& data_sets;
  ImageKeeper& images;
  RunFacts& facts;
  SlowWorker& looks;  // at what jobs print and write, apart from work that may take minutes
};

/// One attempt from its assignment to the acknowledged report of its end. Lives on the loop's
/// thread and never waits: each call starts the next step, whose answer comes back as another call.
///
/// The controller hears, one message at a time and each repeated until it is stored: `running`, the
/// progress, and the end after the last byte of progress. So nothing is lost however short the job.
class AttemptRun {
 public:
  /// Hands a step to this attempt on the loop's thread, unless it is over; callable from any
  /// thread.
  using Later = std::function<void(std::function<void(AttemptRun&)>)>;

  AttemptRun(const AttemptWorld& world, Agent::Assigned assigned, EventLoop::Token token,
             Later later);
  AttemptRun(const AttemptRun&) = delete;
  AttemptRun& operator=(const AttemptRun&) = delete;
  ~AttemptRun();

  void begin();
  void cancel();
  void on_ended();
  void on_progress_written();
  void on_time();
  /// The controller is there again: what waits to be repeated is sent now.
  void nudge();

  const AttemptId& id() const { return assigned_.assignment.attempt_id; }
  /// When on_time() wants to be called.
  std::optional<Instant> wake_at() const { return wake_at_; }
  /// The controller knows the end: nothing is left to do.
  bool is_over() const { return over_; }
  /// What an operator should know, such as processes that do not die; empty if nothing.
  const std::string& fault() const { return fault_; }

  bool forget_when_over = false;

 private:
  struct Unsent {
    protocol::ProgressReport report;
    std::vector<FrozenFile> files;
    bool stripped = false;
  };

  void prepare();
  bool must_repeat_preparing(const Error& error);
  std::vector<std::string> references() const;
  void prepare_image(std::vector<DataSet> data_sets);
  void want_image(std::string image, std::optional<ImageBuild> build,
                  std::vector<DataSet> data_sets);
  void on_image(const std::string& image, const Result<Engine>& engine, ImageFault fault,
                std::vector<DataSet> data_sets);
  void leave_preparations();
  /// What the exit code of an engine's command says of the container, where that is known.
  void end_container(const process::AttemptExit& exit);
  void launch(std::vector<DataSet> data_sets);
  void find_account(std::vector<DataSet> data_sets);
  Status make_workdir() const;
  Result<process::AttemptSpec> make_spec(std::vector<DataSet> data_sets);
  /// `secrets` are kept in no file: they are asked for anew when this is done again.
  void start(std::vector<DataSet> data_sets, std::vector<std::string> secrets);
  Result<process::AttemptHandle> start_supervisor(std::vector<DataSet> data_sets,
                                                  const std::vector<std::string>& secrets);
  void follow(process::AttemptHandle handle);
  void begin_following();
  void clean_up(std::string why);
  void end(protocol::AttemptReport report);
  void end_as(protocol::AttemptState state, std::string reason);
  void end_lost(std::string reason);

  // With a Runner.
  void begin_elsewhere();
  void launch_elsewhere(std::vector<DataSet> data_sets);
  void follow_elsewhere();
  Runner::Listener listener();
  void on_waits(const std::string& reason);
  void on_runs(WallTime since);
  void send_note();

  void advance();
  bool read_progress();
  std::string read_block();
  void begin_watching();
  bool look_at_output();
  void on_looked(OutputWatch::Look look);
  void arm();
  void keep(protocol::ProgressReport report);
  void send_running();
  void send_progress();
  void send_end();
  Millis next_pause();
  bool must_repeat(const Status& status);
  void on_running_stored(const Status& status);
  void on_progress_stored(const Status& status);
  void on_end_stored(const Status& status);
  void wake_in(Millis pause);
  std::int64_t log_bytes() const;

  const AttemptWorld world_;
  const Agent::Assigned assigned_;
  const EventLoop::Token token_;
  const Later later_;
  const std::filesystem::path folder_;
  const std::string workdir_;

  // Shared only so that it can go to the slow thread and back; one thread uses it at a time.
  std::shared_ptr<process::AttemptHandle> handle_;
  std::optional<AttemptFollower> follower_;
  std::shared_ptr<OutputWatch> output_;  // likewise; null where there is nothing more to find
  bool reads_told_ = false;              // its file, not the program's, is followed
  bool looking_ = false;                 // it is with its thread
  Instant look_at_{};                    // not before
  Millis look_pause_{0};
  UniqueFd progress_;
  bool armed_ = false;                              // a write to the progress file will be told
  bool caught_up_ = false;                          // all that was there after arming has been read
  bool begun_ = false;                              // its program, which a Runner has
  std::optional<protocol::AttemptReport> note_;     // where it waits, until it is sent
  std::optional<protocol::AttemptReport> running_;  // until it is stored
  std::optional<Unsent> unsent_;                    // likewise
  std::optional<protocol::AttemptReport> end_;      // how it ended, once that is known
  bool in_flight_ = false;                          // an answer will come
  bool over_ = false;
  bool prepare_again_ = false;               // when next woken
  std::optional<ContainerPlace> container_;  // once its image is here
  bool account_found_ = false;
  std::optional<JobAccount> account_;  // as whom it runs; empty: as we do
  std::optional<ImageKeeper::Ticket> image_ticket_;
  Millis pause_{0};                          // before the next repetition
  Instant repeat_at_{};                      // nothing is sent before
  std::optional<std::int64_t> untold_from_;  // progress that rank 0 alone tells
  Instant pace_until_{};                     // no new progress before, while it runs
  std::optional<Instant> wake_at_;
  std::string fault_;
};

}  // namespace galley::agent
