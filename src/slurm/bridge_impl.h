#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "commands.h"
#include "folder_watch.h"
#include "job_states.h"
#include "slurm/bridge.h"
#include "submission.h"

namespace galley::slurm {

/// An attempt that has not ended, as the bridge knows it.
struct Tracked {
  protocol::Assignment assignment;
  std::filesystem::path folder;
  agent::Runner::Listener listener;
  std::optional<process::AttemptSpec> spec{};  // until it is written into the folder

  /// Slurm may have a job of it that we do not know: sbatch was started then.
  std::optional<WallTime> uncertain_since{};
  std::optional<ArrayPlace> array{};  // of what may have been submitted; absent: a job of its own
  bool note_unreadable = false;       // so it may stand in an array that we do not know
  bool alone = false;                 // Slurm did not take it as part of an array
  JobNumber job{};                    // 0 while none is known
  std::optional<JobView> view{};      // as last heard
  Instant heard_at{};                 // when that was
  bool began = false;                 // its supervisor has
  std::string told{};                 // where it waits, as last said

  bool cancel_asked = false;
  bool was_asked_to_stop = false;
  std::optional<Instant> force_at{};  // end it in Slurm's way then

  /// Since when nothing more is expected of Slurm or of the supervisor; the other may still speak.
  std::optional<Instant> over_since{};
  std::optional<process::AttemptExit> exit{};  // one that leaves open what happened

  Instant retry_at{};  // not submitted again before
  Millis pause{0};
};

/// One mutex for what is known; nobody is called and no program run while it is held.
struct Bridge::Impl {
  Impl(BridgeOptions the_options, FolderWatch the_watch, UniqueFd the_stop)
      : options(std::move(the_options)),
        watch(std::move(the_watch)),
        stop(std::move(the_stop)),
        commands(stop.get()) {}
  ~Impl();

  void add(Tracked tracked);
  void wake();

  // bridge_files.cpp
  void serve_files();
  void look_at(const AttemptId& attempt);
  /// Takes it out and tells its end, which is made from all that is known; once, whoever comes
  /// first.
  void finish(const AttemptId& attempt, const std::optional<process::AttemptExit>& exit);
  void finish_as(const AttemptId& attempt, protocol::AttemptState state, std::string reason);
  std::optional<Tracked> take(const AttemptId& attempt);

  // bridge_submit.cpp
  /// Submits what is due, each attempt once; those that ask for the same with one sbatch.
  void submit_some();
  struct Outgoing;
  /// False when Slurm takes nothing now.
  bool submit(const std::vector<AttemptId>& group);
  std::vector<Tracked> still_wanted(const std::vector<AttemptId>& group);
  void prepare(Outgoing& outgoing);
  void note(Outgoing& outgoing);
  std::variant<std::int64_t, Refused> send(const Outgoing& outgoing);
  void on_submitted(const Tracked& one, SubmissionRecord record);
  void on_refused(const Tracked& one, const Refused& refused, const SubmissionRecord& record);

  // bridge_jobs.cpp
  void serve_jobs();
  void cancel_some();
  void poll();
  void hear(const std::vector<JobView>& jobs, WallTime asked_at);
  struct Listing;
  void hear_one(const AttemptId& attempt, const Listing& listing);
  void on_never_taken(const AttemptId& attempt);
  std::optional<JobView> vanished_task(const AttemptId& attempt);
  void hear_of(const AttemptId& attempt, const std::optional<JobView>& view);
  void settle();
  void look_at_partition();
  void read_max_array_size();
  void tell_waits(const AttemptId& attempt, std::string reason);
  std::vector<AttemptId> ids_where(const std::function<bool(const Tracked&)>& holds);

  const BridgeOptions options;
  FolderWatch watch;
  const UniqueFd stop;  // readable once we are to end
  const Commands commands;

  mutable std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  bool stopping = false;
  bool has_work = false;
  std::map<AttemptId, Tracked> tracked;  // ids ascend with time, so this is the order of arrival
  std::set<AttemptId> unseen;            // whose folders nobody has looked at yet
  PartitionView partition;
  std::string version;
  std::string fault;  // why Slurm does not answer; empty while it does
  Instant poll_at{};
  Instant partition_at{};

  std::optional<std::int64_t>
      max_array_size;  // of the site; once there are threads, jobs_thread's alone

  std::thread files_thread;
  std::thread jobs_thread;
};

}  // namespace galley::slurm
