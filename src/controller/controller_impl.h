#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "commands.h"
#include "controller/controller.h"
#include "core.h"
#include "scheduler_copies.h"

namespace galley::controller {

/// Errors: unsupported when the job asks for a container image.
Status check_native(const protocol::JobSpec& spec);

/// One thread owns the core. Everybody else posts to its queue; questions are posted with a
/// promise.
struct Controller::Impl {
  Impl(store::Database& database_in, const Clock& clock_in, IdSource& ids_in, std::int64_t epoch)
      : database(database_in), clock(clock_in), ids(ids_in), core(epoch, ids_in) {}
  ~Impl();

  using Question = std::function<void(const Core&)>;

  void stop();
  void post(Event event);
  void serve();
  void carry_out(Effects effects);
  void write(StartAttempt start);
  void write(PreemptAttempt preemption);
  void write_loss(protocol::AttemptReport loss);
  void send(const SendAssign& message);
  void send(const SendCancel& message);
  AgentPort* port_of(const NodeId& node);
  template <class Answer>
  Answer ask(std::function<Answer(const Core&)> question);
  /// A scheduler to ask, as it is now; see SchedulerCopies.
  std::shared_ptr<SchedulerCopy> copy(bool fresh);
  /// Stores, and lets the core hear of it in the order of commits.
  Status store_and_post(store::Database::Command command, Event event);

  store::Database& database;
  const Clock& clock;
  IdSource& ids;
  Core core;               // used by `thread` alone
  SchedulerCopies copies;  // so is this

  std::mutex queue_mutex;  // guards queue and stopping
  std::condition_variable arrived;
  // One order for both, so that a question is answered with all that was posted before it in mind.
  std::deque<std::variant<Event, Question>> queue;
  bool stopping = false;

  mutable std::mutex nodes_mutex;  // guards nodes, ports and sessions
  std::map<NodeId, protocol::NodeRecord> nodes;
  struct Port {
    AgentPort* port = nullptr;
    std::int64_t session = 0;
  };
  std::map<NodeId, Port> ports;
  std::int64_t sessions = 0;             // connections so far
  std::map<NodeId, std::int64_t> heard;  // the newest that the core knows; used by `thread` alone

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
