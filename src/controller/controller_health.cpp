// The half of the controller that keeps faulty GPUs and nodes out of service.
#include <algorithm>

#include "base/log.h"
#include "controller_impl.h"

namespace galley::controller {

using cluster::HealthOutcome;
using cluster::Subject;

void Controller::Impl::post_task(std::function<void()> task) {
  {
    const std::lock_guard lock(queue_mutex);
    queue.emplace_back(Question([task = std::move(task)](const Core&) { task(); }));
  }
  arrived.notify_one();
}

void Controller::samples(protocol::NodeSample sample) {
  impl_->post_task([impl = impl_.get(), sample = std::move(sample)] { impl->hear(sample); });
}

void Controller::Impl::hear(const protocol::NodeSample& sample) {
  const NodeId& node = sample.node;
  const bool strangers = std::ranges::any_of(sample.gpus, [](const auto& gpu) {
    return std::ranges::any_of(gpu.processes,
                               [](const auto& process) { return !process.attempt.has_value(); });
  });
  Core::Use use;
  if (strangers || health.has_trouble(node)) use = core.use_of(node);
  const auto events = health.judge(sample, use.devices);
  const bool trouble = std::ranges::any_of(
      events, [](const auto& event) { return !std::holds_alternative<cluster::SeenWell>(event); });
  // Who holds what is looked at only where it matters, since it costs a walk over all jobs.
  if (trouble || health.has_trouble(node)) {
    use = core.use_of(node);
    change_health(cluster::UseChanged{{node}, use.any});
    for (const auto& gpu : sample.gpus) {
      const bool busy = std::ranges::find(use.devices, gpu.uuid) != use.devices.end();
      change_health(cluster::UseChanged{{node, gpu.uuid}, busy});
    }
    for (const std::string& gpu : use.devices)
      (void)health.apply(cluster::UseChanged{{node, gpu}, true}, clock.wall());
  }
  for (const auto& event : events) change_health(event);
  if (use.devices.empty()) return;
  // Jobs of which the controller that condemned their GPU could not tell the agent any more.
  std::vector<std::string> left;
  for (const std::string& gpu : health.condemned(node))
    if (std::ranges::find(use.devices, gpu) != use.devices.end()) left.push_back(gpu);
  if (!left.empty()) act(DevicesFailed{node, std::move(left)});
}

void Controller::Impl::change_health(const cluster::HealthEvent& event) {
  carry_out(health.apply(event, clock.wall()));
}

void Controller::Impl::pass_health_time() {
  change_health(cluster::TimePassed{});
  health_wake_at = health.wake_at();
}

void Controller::Impl::carry_out(HealthOutcome outcome) {
  for (const std::string& alarm : outcome.alarms) log::warn("health", alarm);
  std::vector<NodeId> nodes_changed;
  for (const auto& transition : outcome.transitions) {
    const auto& now = transition.now;
    log::info("health", "a state changed",
              {{"node", transition.subject.node.str()},
               {"gpu", transition.subject.gpu},
               {"state", std::string(protocol::word_of(now.state))},
               {"evidence", now.evidence}});
    if (std::ranges::find(nodes_changed, transition.subject.node) == nodes_changed.end())
      nodes_changed.push_back(transition.subject.node);
  }
  // What goes out of service does so before anything else is decided; what comes back does when the
  // store has it, or the store would refuse what is started there.
  for (const NodeId& node : nodes_changed) {
    const auto record = health.offered(node);
    const bool leaves = std::ranges::any_of(outcome.transitions, [&](const auto& transition) {
      return transition.subject.node == node && is_out(transition.now.state) &&
             !is_out(transition.from);
    });
    if (record && leaves) act(NodeChanged{offer_of(*record)});
  }
  if (!outcome.transitions.empty()) store_health(std::move(outcome.transitions));
  for (const Subject& subject : outcome.evictions) {
    std::vector<std::string> devices;
    if (!subject.gpu.empty()) devices.push_back(subject.gpu);
    act(DevicesFailed{subject.node, std::move(devices)});
  }
  for (const Subject& subject : outcome.self_tests) {
    AgentPort* port = port_of(subject.node);
    if (port != nullptr && port->self_test({subject.gpu})) continue;
    change_health(cluster::SelfTestEnded{subject, false, "its agent cannot be asked"});
  }
  if (!nodes_changed.empty()) health_wake_at = health.wake_at();
}

std::optional<protocol::NodeRecord> Controller::Impl::reoffer(const NodeId& node) {
  auto record = health.offered(node);
  if (!record) return std::nullopt;
  const std::lock_guard lock(nodes_mutex);
  const auto known = nodes.find(node);
  if (known == nodes.end() || known->second.state != "up") return std::nullopt;
  if (offer_of(known->second) == offer_of(*record)) return std::nullopt;
  known->second = *record;
  return record;
}

void Controller::Impl::store_health(std::vector<cluster::Transition> transitions) {
  std::vector<protocol::NodeRecord> records;
  for (const auto& transition : transitions)
    if (auto record = reoffer(transition.subject.node)) records.push_back(*std::move(record));
  database.write_async(
      [transitions = std::move(transitions), records,
       at = clock.wall()](store::Transaction& transaction) -> Status {
        GALLEY_TRY_STATUS(save_transitions(transaction, transitions, at));
        for (const auto& record : records) GALLEY_TRY_STATUS(save_node(transaction, record, at));
        return ok();
      },
      [this, records](Status status) {
        if (!status)
          log::error("health", "a change could not be stored",
                     {{"reason", describe(status.error())}});
        for (const auto& record : records) post(NodeChanged{offer_of(record)});
      });
}

namespace {

Result<Subject> subject_of(const protocol::NodeRecord& node, std::optional<std::int64_t> gpu) {
  if (!gpu) return Subject{node.id};
  const auto found = std::ranges::find(node.devices, *gpu, &protocol::DeviceRecord::index);
  if (found == node.devices.end())
    return Error{Errc::not_found,
                 "node '" + node.name + "' has no GPU " + std::to_string(*gpu),
                 "gpu",
                 {},
                 "`galley nodes show " + node.name + "` lists them"};
  return Subject{node.id, found->id};
}

}  // namespace

Result<std::vector<protocol::HealthRecord>> Controller::health(std::string_view node) const {
  if (node.empty()) return impl_->health.records(std::nullopt, impl_->clock.wall());
  GALLEY_TRY(const auto found, impl_->health.find_node(node));
  return impl_->health.records(found.id, impl_->clock.wall());
}

Result<std::vector<protocol::HealthRecord>> Controller::drain(std::string_view node,
                                                              const protocol::DrainSpec& drain,
                                                              const Caller& caller) {
  GALLEY_TRY(const auto found, impl_->health.find_node(node));
  GALLEY_TRY(const Subject subject, subject_of(found, drain.gpu));
  cluster::DrainAsked asked{subject, caller.principal.empty() ? "somebody" : caller.principal,
                            drain.reason};
  if (drain.duration) asked.until = impl_->clock.wall() + *drain.duration;
  (void)impl_->ask<bool>([&](const Core& core) {
    const Core::Use use = core.use_of(found.id);
    const bool busy = subject.gpu.empty()
                          ? use.any
                          : std::ranges::find(use.devices, subject.gpu) != use.devices.end();
    impl_->change_health(cluster::UseChanged{subject, busy});
    impl_->change_health(asked);
    return true;
  });
  // Commits keep their order: when this one is durable, so is the change.
  GALLEY_TRY_STATUS(impl_->database.write([](store::Transaction&) { return ok(); }));
  return health(found.id.str());
}

Result<std::vector<protocol::HealthRecord>> Controller::resume(std::string_view node,
                                                               const protocol::ResumeSpec& resume,
                                                               const Caller& caller) {
  GALLEY_TRY(const auto found, impl_->health.find_node(node));
  GALLEY_TRY(const Subject subject, subject_of(found, resume.gpu));
  const auto known = impl_->health.find(subject);
  if (!known || !is_out(known->state))
    return Error{
        Errc::conflict,
        (subject.gpu.empty() ? "node '" + found.name + "'"
                             : "GPU " + std::to_string(*resume.gpu) + " of '" + found.name + "'") +
            " is in service",
        {},
        {},
        "`galley nodes health " + found.name + "` shows what is not"};
  (void)impl_->ask<bool>([&](const Core&) {
    impl_->change_health(cluster::ResumeAsked{subject, caller.principal, resume.force});
    return true;
  });
  GALLEY_TRY_STATUS(impl_->database.write([](store::Transaction&) { return ok(); }));
  return health(found.id.str());
}

}  // namespace galley::controller
