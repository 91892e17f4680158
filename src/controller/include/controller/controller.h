#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "protocol/agent_messages.h"
#include "protocol/guide.h"
#include "protocol/health.h"
#include "protocol/job_spec.h"
#include "protocol/records.h"
#include "protocol/samples.h"
#include "protocol/teams.h"
#include "store/database.h"

namespace galley::controller {

/// Who asks, for the audit log and for idempotent retries.
struct Caller {
  std::string principal;
  std::string request_id;
  std::string idempotency_key{};  // empty = none
  std::string request_sha256{};   // of the body; another body under the same key is a conflict
  std::string address{};          // from where the request came
  std::optional<std::int64_t> max_queued_jobs{};  // of this principal; nothing = no bound
};

/// What the controller tells the agent of a node. Called on the controller's thread; must not
/// block.
class AgentPort {
 public:
  struct Assign {
    protocol::Assignment assignment;
    bool expected_running = false;
    std::int64_t progress_offset = 0;
  };
  virtual ~AgentPort() = default;
  virtual void assign(Assign assign) = 0;
  virtual void cancel(const AttemptId& attempt) = 0;
  /// The end comes with a sample. An agent that cannot be asked is not waited for: false.
  virtual bool self_test(const protocol::SelfTestRequest& request) {
    (void)request;
    return false;
  }
};

/// A file that a job registered, already frozen into the blob store.
struct RegisteredFile {
  std::string path;
  std::string kind;  // file, folder or checkpoint
  std::string manifest_sha256;
  std::int64_t size_bytes = 0;
  std::optional<std::int64_t> step{};
};

struct JobPage {
  std::vector<protocol::JobRecord> jobs;  // newest first
  std::string next_cursor;                // empty at the end
};
struct JobQuery {
  std::string where_sql;                         // from store::Filter; empty = all
  std::vector<store::Value> where_parameters{};  // its :1, :2, …
  std::int64_t limit = 50;
  std::string cursor{};
};

struct ExpectedRuntime {
  JobId job;
  Millis typical{0};   // p50
  Millis long_one{0};  // p90
};
struct ExpectedEnd {
  JobId job;
  WallTime at{};
};

struct QueueCounts {
  std::map<std::string, std::int64_t> active;     // by state: queued, starting, running, cancelling
  std::map<std::string, std::int64_t> ended_24h;  // by state: succeeded, failed, cancelled
};

/// The leader of one installation: accepts jobs, decides what runs where, and follows it to its
/// end. One thread drives the pure core; every change is durable before anybody hears of it.
/// Thread-safe. Calls that write block until the write is durable (one group commit).
class Controller {
 public:
  /// Takes the lease, reads the stored state, and makes ready; agents join with attach().
  static Result<std::unique_ptr<Controller>> start(store::Database& database, const Clock& clock,
                                                   IdSource& ids, std::string holder);
  /// Likewise, for whom the lease has been taken already (leadership.h).
  static Result<std::unique_ptr<Controller>> start(store::Database& database, const Clock& clock,
                                                   IdSource& ids, std::int64_t epoch);
  ~Controller();
  /// Ends decisions: afterwards no AgentPort is called, and submit(), guide() and why(), which ask
  /// the core, must not be called. Idempotent; the destructor does it too.
  void stop();

  /// Of this leader; every message to an agent carries it.
  std::int64_t epoch() const;
  /// The id of the node of that name: the stored one, or a new one for a node never seen.
  Result<NodeId> node_id(const std::string& name);
  /// A node offers itself. Its unfinished attempts are sent to it again at once. `held` are the
  /// attempts that its agent runs: what should not be there is stopped, and the node gives nothing
  /// until its agent attaches without it. Errors: conflict (a GPU that another node offers), the
  /// store's.
  Status attach(protocol::NodeRecord node, AgentPort& port, std::vector<AttemptId> held = {});
  /// The machine is given up: what ran there is lost and goes back to the queue. It stays listed as
  /// down.
  void node_lost(const NodeId& node);
  /// Likewise, and it is not listed any more.
  void remove_node(const NodeId& node);
  /// The newest inventory and load of a node.
  void heartbeat(protocol::NodeRecord node);
  /// What an agent measured: judged on the controller's thread, soon.
  void samples(protocol::NodeSample sample);
  /// `done` on the store's writer thread, once durable. Errors: conflict (the attempt had ended).
  void report(protocol::AttemptReport report, std::function<void(Status)> done);
  void progress(protocol::ProgressReport report, std::vector<RegisteredFile> files,
                std::function<void(Status)> done);

  /// Told of each report of progress that was stored, on the store's writer thread; must be quick.
  /// Set before the first agent attaches.
  void watch_progress(std::function<void(const protocol::ProgressReport&)> watcher);

  struct Accepted {
    protocol::JobRecord job;
    bool repeated = false;  // the idempotency key was used before with the same body
  };
  /// Errors: invalid_argument (can never run here: says what would), not_found (a data set),
  /// conflict (idempotency key with another body), rate_limited (also: Caller::max_queued_jobs),
  /// exhausted.
  Result<Accepted> submit(protocol::JobSpec spec, const Caller& caller);
  /// A queued job ends at once; a running one is asked to stop. Errors: not_found, conflict
  /// (ended).
  Result<protocol::JobRecord> cancel(const JobId& job, const Caller& caller);

  Result<protocol::JobRecord> job(const JobId& job) const;
  Result<JobPage> jobs(const JobQuery& query) const;
  Result<std::vector<protocol::AttemptRecord>> attempts(const JobId& job) const;
  Result<std::vector<protocol::EventRecord>> job_events(const JobId& job) const;
  Result<protocol::WhyRecord> why(const JobId& job) const;

  // Answered on the caller's thread from a copy of the state, so that decisions do not wait.
  /// What would become of a job. Errors: those of submit() but for what the guide itself answers.
  Result<protocol::GuideRecord> guide(const protocol::JobSpec& spec, const Caller& caller) const;
  /// Errors: not_found, conflict (it does not wait).
  Result<protocol::GuideRecord> guide(const JobId& job) const;

  /// What jobs that have not ended are expected to take in all, better than the max_runtime that
  /// they state; counts from now on in the order of the queue and in what is planned. Kept in
  /// memory: after start() it is to be said again. Does not block.
  void expect_runtimes(std::vector<ExpectedRuntime> jobs);
  /// When jobs that run will have ended, by their progress: room is expected then. Likewise.
  void expect_ends(std::vector<ExpectedEnd> jobs);

  /// All that are set up, and those that have jobs without being set up.
  Result<std::vector<protocol::TeamRecord>> teams() const;
  /// Adds or replaces. Errors: conflict (guarantees above what the nodes have: team and numbers).
  Result<protocol::TeamRecord> put_team(protocol::TeamSpec team, const Caller& caller);
  /// Its jobs stay, with a weight of 1 and no guarantee. Errors: not_found.
  Status delete_team(const std::string& name, const Caller& caller);
  /// GPUs that the user's running jobs may hold at once, as accounts has stored it; nothing = no
  /// bound. A new leader reads it itself.
  void user_quota(const std::string& user, std::optional<std::int64_t> max_gpus);

  /// Those that have not ended, by start.
  Result<std::vector<protocol::ReservationRecord>> reservations() const;
  /// Errors: invalid_argument (it can never fit, or has passed), conflict (the slot is taken).
  Result<protocol::ReservationRecord> reserve(protocol::ReservationSpec reservation,
                                              const Caller& caller);
  /// Errors: not_found, conflict (cancelled before).
  Status unreserve(const ReservationId& reservation, const Caller& caller);

  /// The health of all nodes and GPUs, or of the node of that name or id. Errors: not_found.
  Result<std::vector<protocol::HealthRecord>> health(std::string_view node = {}) const;
  /// No new work on a node or a GPU; durable when it answers. Errors: not_found, invalid_argument.
  Result<std::vector<protocol::HealthRecord>> drain(std::string_view node,
                                                    const protocol::DrainSpec& drain,
                                                    const Caller& caller);
  /// Ends a drain or an exclusion; what is faulty is tested first unless forced. Errors: not_found,
  /// conflict (it is in service).
  Result<std::vector<protocol::HealthRecord>> resume(std::string_view node,
                                                     const protocol::ResumeSpec& resume,
                                                     const Caller& caller);

  Result<QueueCounts> queue() const;
  /// How long the steps of the core took, each of which may end with a pass of the scheduler.
  struct Passes {
    static constexpr std::array<double, 8> kBoundsSeconds{0.0001, 0.001, 0.005, 0.01,
                                                          0.05,   0.1,   0.5,   1};
    std::array<std::int64_t, kBoundsSeconds.size() + 1> counts{};  // by the least bound; then more
    double sum_s = 0;
  };
  Passes passes() const;
  std::vector<protocol::NodeRecord> nodes() const;

 private:
  struct Impl;
  explicit Controller(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::controller
