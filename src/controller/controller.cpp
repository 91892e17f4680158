#include "controller/controller.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "commands.h"
#include "core.h"
#include "queries.h"
#include "store/lease.h"

namespace galley::controller {

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
  void send(const SendAssign& message);
  void send(const SendCancel& message);
  AgentPort* port_of(const NodeId& node);
  template <class Answer>
  Answer ask(std::function<Answer(const Core&)> question);

  store::Database& database;
  const Clock& clock;
  IdSource& ids;
  Core core;  // used by `thread` alone

  std::mutex queue_mutex;  // guards queue and stopping
  std::condition_variable arrived;
  // One order for both, so that a question is answered with all that was posted before it in mind.
  std::deque<std::variant<Event, Question>> queue;
  bool stopping = false;

  mutable std::mutex nodes_mutex;  // guards nodes and ports
  std::map<NodeId, protocol::NodeRecord> nodes;
  std::map<NodeId, AgentPort*> ports;

  std::thread thread;
};

Controller::Impl::~Impl() {
  stop();
  // Commands still queued in the store may post to us: wait for the last of them.
  (void)database.write([](store::Transaction&) { return ok(); });
}

void Controller::Impl::stop() {
  {
    const std::lock_guard lock(queue_mutex);
    stopping = true;
  }
  arrived.notify_one();
  if (thread.joinable()) thread.join();
}

void Controller::Impl::post(Event event) {
  {
    const std::lock_guard lock(queue_mutex);
    queue.emplace_back(std::move(event));
  }
  arrived.notify_one();
}

void Controller::Impl::serve() {
  std::optional<WallTime> wake_at;
  for (;;) {
    std::variant<Event, Question> next{Event{TimerFired{}}};
    {
      std::unique_lock lock(queue_mutex);
      const auto ready = [&] { return stopping || !queue.empty(); };
      // A booking that is years away must not overflow the wait; a minute's check costs nothing.
      constexpr Millis kLongestWait = std::chrono::minutes(1);
      if (wake_at)
        arrived.wait_for(lock, std::min(std::max(*wake_at - clock.wall(), Millis{1}), kLongestWait),
                         ready);
      else
        arrived.wait(lock, ready);
      if (stopping) return;
      if (!queue.empty()) {
        next = std::move(queue.front());
        queue.pop_front();
      }
    }
    if (const Question* question = std::get_if<Question>(&next)) {
      (*question)(core);
      continue;
    }
    Effects effects = core.step(std::get<Event>(next), clock.wall());
    wake_at = effects.wake_at;
    carry_out(std::move(effects));
  }
}

void Controller::Impl::carry_out(Effects effects) {
  for (StartAttempt& start : effects.starts) {
    auto outcome = std::make_shared<std::optional<StartedAttempt>>();
    const JobId job = start.job;
    database.write_async(
        [start = std::move(start), outcome](store::Transaction& transaction) -> Status {
          GALLEY_TRY(*outcome, start_attempt(transaction, start));
          return ok();
        },
        [this, job, outcome](Status status) {
          if (!status && status.error().code != Errc::conflict)  // often a cancelled job
            log::error("controller", "a start could not be stored",
                       {{"job", job.str()}, {"reason", describe(status.error())}});
          if (status)
            post(StartStored{job, *std::move(*outcome)});
          else
            post(StartStored{job, std::move(status).error()});
        });
  }
  for (const auto& message : effects.messages)
    std::visit([this](const auto& concrete) { send(concrete); }, message);
}

AgentPort* Controller::Impl::port_of(const NodeId& node) {
  const std::lock_guard lock(nodes_mutex);
  const auto found = ports.find(node);
  return found == ports.end() ? nullptr : found->second;
}

// A message to a node that is not attached is dropped: attaching sends everything again.
void Controller::Impl::send(const SendAssign& message) {
  if (AgentPort* port = port_of(message.node)) port->assign(message.assign);
}
void Controller::Impl::send(const SendCancel& message) {
  if (AgentPort* port = port_of(message.node)) port->cancel(message.attempt);
}

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

Controller::Controller(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Controller::~Controller() = default;
void Controller::stop() { impl_->stop(); }

Result<std::unique_ptr<Controller>> Controller::start(store::Database& database, const Clock& clock,
                                                      IdSource& ids, std::string holder) {
  std::int64_t epoch = 0;
  GALLEY_TRY_STATUS(database.write([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(epoch, store::acquire_lease(transaction, holder));
    return ok();
  }));
  GALLEY_TRY(Restored restored, restore(database));
  auto impl = std::make_unique<Impl>(database, clock, ids, epoch);
  impl->post(std::move(restored));
  impl->thread = std::thread([raw = impl.get()] { raw->serve(); });
  return std::unique_ptr<Controller>(new Controller(std::move(impl)));
}

Result<NodeId> Controller::node_id(const std::string& name) {
  NodeId id;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(auto row, transaction.query_one("select id from nodes where name = :1", {name}));
    id = row ? NodeId::trusted(row->text(0)) : impl_->ids.next<NodeTag>();
    return ok();
  }));
  return id;
}

Status Controller::attach(protocol::NodeRecord node, AgentPort& port) {
  GALLEY_TRY_STATUS(impl_->database.write([&](store::Transaction& transaction) {
    return save_node(transaction, node, impl_->clock.wall());
  }));
  const scheduler::NodeOffer offer = offer_of(node);
  {
    const std::lock_guard lock(impl_->nodes_mutex);
    impl_->ports[node.id] = &port;
    impl_->nodes[node.id] = std::move(node);
  }
  impl_->post(NodeAttached{offer});
  return ok();
}

void Controller::heartbeat(protocol::NodeRecord node) {
  const scheduler::NodeOffer offer = offer_of(node);
  {
    const std::lock_guard lock(impl_->nodes_mutex);
    const auto known = impl_->nodes.find(node.id);
    if (known == impl_->nodes.end()) return;
    const bool changed = offer_of(known->second) != offer;
    known->second = node;
    if (!changed) return;
  }
  // Only transitions are stored; load stays in memory.
  impl_->database.write_async(
      [node = std::move(node), at = impl_->clock.wall()](store::Transaction& transaction) {
        return save_node(transaction, node, at);
      },
      [this, offer](Status status) {
        if (status)
          impl_->post(NodeChanged{offer});
        else
          log::error("controller", "a changed node could not be stored",
                     {{"node", offer.id.str()}, {"reason", describe(status.error())}});
      });
}

void Controller::report(protocol::AttemptReport report, std::function<void(Status)> done) {
  const WallTime now = impl_->clock.wall();
  auto end = std::make_shared<EndedAttempt>();
  const bool final_report = protocol::is_final(report.state);
  impl_->database.write_async(
      [report, end, now, final_report](store::Transaction& transaction) -> Status {
        if (!final_report) {
          GALLEY_TRY(end->job, mark_running(transaction, report, now));
          return ok();
        }
        GALLEY_TRY(*end, end_attempt(transaction, report, now));
        return ok();
      },
      [this, end, final_report, attempt = report.attempt_id,
       done = std::move(done)](Status status) {
        if (status && final_report) impl_->post(AttemptEnded{*end});
        if (status && !final_report) impl_->post(AttemptRuns{attempt, end->job});
        done(std::move(status));
      });
}

void Controller::progress(protocol::ProgressReport report, std::vector<RegisteredFile> files,
                          std::function<void(Status)> done) {
  impl_->database.write_async(
      [command = RecordProgress{std::move(report), std::move(files), impl_->clock.wall()}](
          store::Transaction& transaction) { return record_progress(transaction, command); },
      std::move(done));
}

Result<Controller::Accepted> Controller::submit(protocol::JobSpec spec, const Caller& caller) {
  const auto resources = spec.resources;
  GALLEY_TRY_STATUS(impl_->ask<Status>([&](const Core& core) { return core.admit(resources); }));
  if (spec.image)
    return Error{Errc::unsupported, "no node of this installation runs container images", "image",
                 "no image", "leave image out to run natively"};
  protocol::JobRecord job;
  job.id = impl_->ids.next<JobTag>();
  job.run_id = impl_->ids.next<RunTag>();
  job.name = spec.name;
  job.team = spec.team;
  job.priority_class = spec.priority_class;
  job.principal = caller.principal;
  job.created_at = impl_->clock.wall();
  job.spec = std::move(spec);

  AcceptedJob accepted;
  // Shared, because the writer may still be leaving set_value when we have gone on.
  const auto stored = std::make_shared<std::promise<Status>>();
  impl_->database.write_async(
      [&](store::Transaction& transaction) -> Status {
        GALLEY_TRY(accepted, accept_job(transaction, {job, caller}));
        return ok();
      },
      [&, stored](Status status) {
        // Posted from here, so that the core hears of jobs in the order of commits.
        if (status && !accepted.repeated) {
          job.seq = accepted.seq;
          impl_->post(JobAccepted{queued_job(job)});
        }
        stored->set_value(std::move(status));
      });
  GALLEY_TRY_STATUS(stored->get_future().get());
  if (!accepted.repeated) return Accepted{std::move(job), false};
  GALLEY_TRY(auto first, this->job(accepted.id));
  return Accepted{std::move(first), true};
}

Result<protocol::JobRecord> Controller::cancel(const JobId& job, const Caller& caller) {
  auto state = protocol::JobState::cancelling;
  const auto stored = std::make_shared<std::promise<Status>>();
  impl_->database.write_async(
      [&](store::Transaction& transaction) -> Status {
        GALLEY_TRY(state, cancel_job(transaction, {job, caller, impl_->clock.wall()}));
        return ok();
      },
      [&, stored](Status status) {
        if (status) impl_->post(JobCancelled{job, state});
        stored->set_value(std::move(status));
      });
  GALLEY_TRY_STATUS(stored->get_future().get());
  return this->job(job);
}

Result<protocol::JobRecord> Controller::job(const JobId& job) const {
  return find_job(impl_->database, job);
}
Result<JobPage> Controller::jobs(const JobQuery& query) const {
  return list_jobs(impl_->database, query);
}
Result<std::vector<protocol::AttemptRecord>> Controller::attempts(const JobId& job) const {
  return list_attempts(impl_->database, job);
}
Result<std::vector<protocol::EventRecord>> Controller::job_events(const JobId& job) const {
  return list_job_events(impl_->database, job);
}
Result<QueueCounts> Controller::queue() const {
  return count_queue(impl_->database, impl_->clock.wall());
}

Result<Why> Controller::why(const JobId& id) const {
  GALLEY_TRY(auto job, find_job(impl_->database, id));
  if (job.state == protocol::JobState::queued) {
    auto explanation = impl_->ask<scheduler::Explanation>(
        [&](const Core& core) { return core.why(id, impl_->clock.wall()); });
    return Why{"It waits: " + explanation.summary + ".", std::move(explanation.lines)};
  }
  GALLEY_TRY(auto attempts, list_attempts(impl_->database, id));
  Why why{"It is " + std::string(protocol::word_of(job.state)) +
              (job.reason.empty() ? "." : ": " + job.reason + "."),
          {}};
  for (const auto& attempt : attempts)
    why.lines.push_back("attempt " + std::to_string(attempt.number) + " on " +
                        attempt.node_id.str() + ": " +
                        std::string(protocol::word_of(attempt.state)) +
                        (attempt.reason.empty() ? "" : ", " + attempt.reason));
  return why;
}

std::vector<protocol::NodeRecord> Controller::nodes() const {
  std::vector<protocol::NodeRecord> nodes;
  {
    const std::lock_guard lock(impl_->nodes_mutex);
    for (const auto& [id, node] : impl_->nodes) nodes.push_back(node);
  }
  if (auto status = add_allocations(impl_->database, nodes); !status)
    log::warn("controller", "allocations could not be read",
              {{"reason", describe(status.error())}});
  return nodes;
}

}  // namespace galley::controller
