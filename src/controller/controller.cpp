#include "controller/controller.h"

#include <algorithm>

#include "base/log.h"
#include "controller_impl.h"
#include "queries.h"
#include "restore.h"
#include "store/lease.h"

namespace galley::controller {

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
  for (;;) {
    if (health_wake_at && *health_wake_at <= clock.wall()) pass_health_time();
    std::optional<WallTime> wake = wake_at;
    if (health_wake_at && (!wake || *health_wake_at < *wake)) wake = health_wake_at;
    std::variant<Event, Question> next{Event{TimerFired{}}};
    {
      std::unique_lock lock(queue_mutex);
      const auto ready = [&] { return stopping || !queue.empty(); };
      // A booking that is years away must not overflow the wait; a minute's check costs nothing.
      constexpr Millis kLongestWait = std::chrono::minutes(1);
      if (wake)
        arrived.wait_for(lock, std::min(std::max(*wake - clock.wall(), Millis{1}), kLongestWait),
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
    const Event& event = std::get<Event>(next);
    if (const auto* attached = std::get_if<NodeAttached>(&event))
      heard[attached->offer.id] = attached->session;
    act(event);
  }
}

void Controller::Impl::act(const Event& event) {
  const auto begin = std::chrono::steady_clock::now();
  Effects effects = core.step(event, clock.wall());
  count_pass(std::chrono::steady_clock::now() - begin);
  wake_at = effects.wake_at;
  carry_out(std::move(effects));
}

void Controller::Impl::count_pass(std::chrono::nanoseconds took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bucket = std::ranges::lower_bound(Passes::kBoundsSeconds, seconds);
  const std::lock_guard lock(passes_mutex);
  ++passes.counts[static_cast<std::size_t>(bucket - Passes::kBoundsSeconds.begin())];
  passes.sum_s += seconds;
}

Controller::Passes Controller::passes() const {
  const std::lock_guard lock(impl_->passes_mutex);
  return impl_->passes;
}

void Controller::Impl::carry_out(Effects effects) {
  for (StartAttempt& start : effects.starts) write(std::move(start));
  for (PreemptAttempt& preemption : effects.preemptions) write(std::move(preemption));
  for (protocol::AttemptReport& loss : effects.losses) write_loss(std::move(loss));
  for (const auto& message : effects.messages)
    std::visit([this](const auto& concrete) { send(concrete); }, message);
}

void Controller::Impl::write(StartAttempt start) {
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

void Controller::Impl::write(PreemptAttempt preemption) {
  database.write_async(
      [preemption](store::Transaction& transaction) {
        return preempt_attempt(transaction, preemption);
      },
      [this, preemption](Status status) {
        if (!status && status.error().code != Errc::conflict)
          log::error("controller", "a preemption could not be stored",
                     {{"job", preemption.job.str()}, {"reason", describe(status.error())}});
        post(PreemptionStored{preemption, std::move(status)});
      });
}

void Controller::Impl::write_loss(protocol::AttemptReport loss) {
  auto end = std::make_shared<EndedMember>();
  database.write_async(
      [loss, end, now = clock.wall()](store::Transaction& transaction) -> Status {
        GALLEY_TRY(*end, end_member(transaction, loss, now));
        return ok();
      },
      [this, loss, end](Status status) {
        if (status)
          post(MemberEnded{*end});
        else
          post(LossRefused{loss, std::move(status).error()});
      });
}

std::shared_ptr<SchedulerCopy> Controller::Impl::copy(bool fresh) {
  return ask<std::shared_ptr<SchedulerCopy>>(
      [this, fresh](const Core& asked) { return copies.get(asked, fresh); });
}

Status Controller::Impl::store_and_post(store::Database::Command command, Event event) {
  // Shared, because the writer may still be leaving set_value when we have gone on.
  const auto stored = std::make_shared<std::promise<Status>>();
  database.write_async(std::move(command), [this, stored, event = std::move(event)](Status status) {
    if (status) post(event);
    stored->set_value(std::move(status));
  });
  return stored->get_future().get();
}

AgentPort* Controller::Impl::port_of(const NodeId& node) {
  const std::lock_guard lock(nodes_mutex);
  const auto found = ports.find(node);
  return found == ports.end() || found->second.session != heard[node] ? nullptr
                                                                      : found->second.port;
}

// A message to a node that is not attached is dropped: attaching sends everything again.
void Controller::Impl::send(const SendAssign& message) {
  AgentPort* port = port_of(message.node);
  if (port == nullptr) return;
  AgentPort::Assign assign = message.assign;
  set_meeting(assign.assignment);
  port->assign(std::move(assign));
}
void Controller::Impl::send(const SendCancel& message) {
  if (AgentPort* port = port_of(message.node)) port->cancel(message.attempt);
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
  return start(database, clock, ids, epoch);
}

Result<std::unique_ptr<Controller>> Controller::start(store::Database& database, const Clock& clock,
                                                      IdSource& ids, std::int64_t epoch) {
  GALLEY_TRY(Restored restored, restore(database, clock.wall()));
  auto impl = std::make_unique<Impl>(database, clock, ids, epoch);
  GALLEY_TRY_STATUS(impl->list_joined_nodes());
  GALLEY_TRY_STATUS(impl->health.restore(database));
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

std::int64_t Controller::epoch() const { return impl_->epoch; }

Status Controller::attach(protocol::NodeRecord node, AgentPort& port, std::vector<AttemptId> held) {
  impl_->health.offer(node);
  {
    const std::lock_guard lock(impl_->nodes_mutex);
    GALLEY_TRY_STATUS(impl_->take_devices_locked(node));
  }
  GALLEY_TRY_STATUS(impl_->database.write([&](store::Transaction& transaction) {
    return save_node(transaction, node, impl_->clock.wall());
  }));
  const scheduler::NodeOffer offer = offer_of(node);
  impl_->learn_contents(node, nullptr);
  std::int64_t session = 0;
  {
    const std::lock_guard lock(impl_->nodes_mutex);
    session = ++impl_->sessions;
    impl_->ports[node.id] = {&port, session};
    impl_->nodes[node.id] = std::move(node);
  }
  impl_->post(NodeAttached{offer, std::move(held), session});
  return ok();
}

void Controller::node_lost(const NodeId& node) {
  auto record = impl_->detach(node, true);
  impl_->post(NodeLost{node});
  if (!record) return;
  impl_->database.write_async(
      [record = *std::move(record), at = impl_->clock.wall()](store::Transaction& transaction) {
        return save_node(transaction, record, at);
      },
      [node](Status status) {
        if (!status)
          log::error("controller", "a lost node could not be stored",
                     {{"node", node.str()}, {"reason", describe(status.error())}});
      });
}

void Controller::remove_node(const NodeId& node) {
  (void)impl_->detach(node, false);
  impl_->health.forget(node);
  impl_->post(NodeLost{node, true});
}

void Controller::heartbeat(protocol::NodeRecord node) {
  impl_->health.offer(node);
  const scheduler::NodeOffer offer = offer_of(node);
  protocol::NodeRecord before;
  bool unchanged = false;
  {
    const std::lock_guard lock(impl_->nodes_mutex);
    const auto known = impl_->nodes.find(node.id);
    if (known == impl_->nodes.end() || known->second.state != "up") return;
    const bool changed = offer_of(known->second) != offer;
    if (auto status = changed ? impl_->take_devices_locked(node) : ok(); !status) {
      log::error("controller", "a node offers what it does not have",
                 {{"node", node.name}, {"reason", describe(status.error())}});
      return;
    }
    before = std::exchange(known->second, node);
    unchanged = !changed;
  }
  impl_->learn_contents(node, &before);
  if (unchanged) return;
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
  if (report.state == protocol::AttemptState::starting)
    return impl_->database.write_async(
        [report, now](store::Transaction& transaction) {
          return note_waiting(transaction, report, now);
        },
        std::move(done));
  auto end = std::make_shared<EndedMember>();
  auto runs = std::make_shared<RunningMember>();
  const bool final_report = protocol::is_final(report.state);
  impl_->database.write_async(
      [report, end, runs, now, final_report](store::Transaction& transaction) -> Status {
        if (!final_report) {
          GALLEY_TRY(*runs, mark_running(transaction, report, now));
          return ok();
        }
        GALLEY_TRY(const auto blamed, blame_hardware(transaction, report));
        GALLEY_TRY(*end, end_member(transaction, blamed, now));
        return ok();
      },
      [this, end, runs, final_report, attempt = report.attempt_id, rank = report.rank,
       done = std::move(done)](Status status) {
        if (status && final_report) impl_->post(MemberEnded{*end});
        if (status && !final_report) {
          if (impl_->tells_contents(runs->node)) runs->contents.clear();
          impl_->post(MemberRuns{attempt, rank, *runs});
        }
        done(std::move(status));
      });
}

void Controller::progress(protocol::ProgressReport report, std::vector<RegisteredFile> files,
                          std::function<void(Status)> done) {
  const auto command = std::make_shared<const RecordProgress>(
      RecordProgress{std::move(report), std::move(files), impl_->clock.wall()});
  impl_->database.write_async(
      [command](store::Transaction& transaction) { return record_progress(transaction, *command); },
      [command, watcher = impl_->progress_watcher, done = std::move(done)](Status status) {
        if (status && watcher) watcher(command->report);
        done(std::move(status));
      });
}

void Controller::watch_progress(std::function<void(const protocol::ProgressReport&)> watcher) {
  impl_->progress_watcher = std::move(watcher);
}

Result<Controller::Accepted> Controller::submit(protocol::JobSpec spec, const Caller& caller) {
  GALLEY_TRY_STATUS(impl_->check_door(spec));
  protocol::JobRecord job;
  job.id = impl_->ids.next<JobTag>();
  job.run_id = impl_->ids.next<RunTag>();
  job.name = spec.name;
  job.team = spec.team;
  job.priority_class = spec.priority_class;
  job.principal = caller.principal;
  job.created_at = impl_->clock.wall();
  job.spec = std::move(spec);
  const scheduler::QueuedJob wanted = queued_job(job, {});
  GALLEY_TRY_STATUS(impl_->ask<Status>([&](const Core& core) { return core.admit(wanted); }));

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
          job.spec.checkpoint = accepted.checkpoint;
          impl_->post(JobAccepted{queued_job(job, accepted.contents)});
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

}  // namespace galley::controller
