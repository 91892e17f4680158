#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "commands.h"
#include "controller/controller.h"
#include "core.h"
#include "health_keeper.h"
#include "scheduler_copies.h"

namespace galley::controller {

/// What is known of a job that a batch system places.
protocol::GuideRecord outside_guide();

/// One thread owns the core. Everybody else posts to its queue; questions are posted with a
/// promise.
struct Controller::Impl {
  Impl(store::Database& database_in, const Clock& clock_in, IdSource& ids_in,
       std::int64_t the_epoch)
      : database(database_in),
        clock(clock_in),
        ids(ids_in),
        epoch(the_epoch),
        core(the_epoch, ids_in) {}
  ~Impl();

  using Question = std::function<void(const Core&)>;

  void stop();
  void post(Event event);
  void serve();
  void carry_out(Effects effects);
  void count_pass(std::chrono::nanoseconds took);
  /// The core hears it, and what it wants is done. On `thread` alone.
  void act(const Event& event);
  void write(StartAttempt start);
  void write(PreemptAttempt preemption);
  void write_loss(protocol::AttemptReport loss);
  void send(const SendAssign& message);
  void send(const SendCancel& message);
  AgentPort* port_of(const NodeId& node);
  /// Errors: unsupported when the job is for Slurm and no node is a door to it.
  Status check_door(const protocol::JobSpec& spec) const;
  /// Where the members of a gang meet.
  void set_meeting(protocol::Assignment& assignment) const;
  /// The node's GPUs are its own from now on. Errors: conflict (another node that is up has one).
  Status take_devices_locked(const protocol::NodeRecord& node);
  /// What the node holds, for the scheduler, where it differs from what it said before.
  void learn_contents(const protocol::NodeRecord& node, const protocol::NodeRecord* before);
  /// Whether its agent lists all that it holds; otherwise what ran there says what it has.
  bool tells_contents(const NodeId& node) const;
  /// Nobody can be told anything there any more; answers what was known of it.
  std::optional<protocol::NodeRecord> detach(const NodeId& node, bool keep_listed);
  /// Machines that have joined are listed as down until they attach.
  Status list_joined_nodes();
  template <class Answer>
  Answer ask(std::function<Answer(const Core&)> question);
  /// A scheduler to ask, as it is now; see SchedulerCopies.
  std::shared_ptr<SchedulerCopy> copy(bool fresh);
  /// Stores, and lets the core hear of it in the order of commits.
  Status store_and_post(store::Database::Command command, Event event);

  store::Database& database;
  const Clock& clock;
  IdSource& ids;
  const std::int64_t epoch;
  std::function<void(const protocol::ProgressReport&)> progress_watcher;
  Core core;               // used by `thread` alone
  SchedulerCopies copies;  // so is this

  std::mutex queue_mutex;  // guards queue and stopping
  std::condition_variable arrived;
  // One order for both, so that a question is answered with all that was posted before it in mind.
  std::deque<std::variant<Event, Question>> queue;
  bool stopping = false;

  mutable std::mutex passes_mutex;  // guards passes
  Passes passes;

  mutable std::mutex nodes_mutex;  // guards nodes, ports and sessions
  std::map<NodeId, protocol::NodeRecord> nodes;
  std::map<std::string, NodeId, std::less<>> device_nodes;  // who last offered each GPU
  struct Port {
    AgentPort* port = nullptr;
    std::int64_t session = 0;
  };
  std::map<NodeId, Port> ports;
  std::int64_t sessions = 0;             // connections so far
  std::map<NodeId, std::int64_t> heard;  // the newest that the core knows; used by `thread` alone

  // Of the health of nodes and GPUs; what changes it runs on `thread`.
  void hear(const protocol::NodeSample& sample);
  void change_health(const cluster::HealthEvent& event);
  void pass_health_time();
  void carry_out(cluster::HealthOutcome outcome);
  void store_health(std::vector<cluster::Transition> transitions);
  /// The node's record anew, with what is out of service; for the store, if that changes it.
  std::optional<protocol::NodeRecord> reoffer(const NodeId& node);
  /// Runs it on `thread`, without waiting.
  void post_task(std::function<void()> task);
  HealthKeeper health;
  std::optional<WallTime> wake_at;         // of the core; used by `thread` alone
  std::optional<WallTime> health_wake_at;  // likewise

  std::thread thread;
};

template <class Answer>
Answer Controller::Impl::ask(std::function<Answer(const Core&)> question) {
  const auto promise = std::make_shared<std::promise<Answer>>();
  auto answer = promise->get_future();
  {
    const std::lock_guard lock(queue_mutex);
    queue.emplace_back(
        Question([&question, promise](const Core& asked) { promise->set_value(question(asked)); }));
  }
  arrived.notify_one();
  return answer.get();
}

}  // namespace galley::controller
