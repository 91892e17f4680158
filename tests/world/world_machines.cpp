// Machines, their agents, and the network between them and the leader.
#include <algorithm>

#include "world.h"

namespace galley::world {

using protocol::AttemptState;

/// A new session. What the leader still sends into the old one reaches nobody.
void World::attach(const NodeId& node) {
  wants_attach_.erase(node);
  SimAgent& agent = agents_.at(node);
  if (!agent.alive() || !core_) return;
  auto held = agent.attach();
  writes_.emplace_back([this, node, held = std::move(held), record = agent.record(),
                        session = agent.session(), boot = agent.boot()] {
    const SimAgent& now = agents_.at(node);
    if (!now.alive() || now.boot() != boot || now.session() != session) return;
    if (refusal() || !store_.save_node(record, clock_.wall())) {
      wants_attach_.insert(node);
      return;
    }
    ports_[node] = {session, boot};
    events_.emplace_back(controller::NodeAttached{controller::offer_of(record), held, session});
  });
}

/// The newest inventory, as it changes.
void World::heartbeat(const NodeId& node) {
  if (!core_ || !ports_.contains(node)) return;
  writes_.emplace_back([this, node, record = agents_.at(node).record()] {
    // The real one tries again with the next change; a new attach will bring it.
    if (refusal() || !store_.save_node(record, clock_.wall())) {
      wants_attach_.insert(node);
      return;
    }
    events_.emplace_back(controller::NodeChanged{controller::offer_of(record)});
  });
}

void World::send_report(SimAgent& agent) {
  if (!agent.alive() || !agent.has_reports()) return;
  network_.push_back(
      {[this, node = agent.record().id, boot = agent.boot(), report = agent.next_report(dice_)] {
         if (core_) store_report(node, boot, report);
       },
       std::nullopt});
}

/// Any message, so that they overtake each other; some are lost and some come twice.
void World::deliver_next(bool fair) {
  const std::size_t chosen = fair ? 0 : dice_.below(network_.size());
  const Message message = network_[chosen];
  const bool lost = !fair && dice_.percent(5);
  const bool again = !fair && dice_.percent(5);
  if (!again) network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(chosen));
  if (!lost) return message.deliver();
  if (message.to) wants_attach_.insert(*message.to);
}

void World::end_process(SimAgent& agent, const MemberKey& key) {
  const bool stopping = agent.processes().at(key).stopping;
  const auto roll = dice_.below(100);
  protocol::AttemptReport report;
  report.finished_at = clock_.wall();
  report.state = AttemptState::succeeded;
  report.exit_code = 0;
  if (stopping ? roll < 50 : false) {
    report.state = AttemptState::cancelled;
    report.exit_code.reset();
    report.signal = 15;
  } else if (stopping ? roll < 80 : roll < 2) {
    report.state = AttemptState::failed;
    report.exit_code = 75;
  } else if (roll > 90) {
    report.state = AttemptState::failed;
    report.exit_code = 1;
  } else if (roll > 88) {
    report.state = AttemptState::lost;
    report.reason = "its supervisor was killed";
    report.exit_code.reset();
  }
  agent.end(key, std::move(report));
}

void World::end_some_process() {
  SimAgent& agent = some_agent();
  if (agent.processes().empty()) return;
  auto chosen = agent.processes().begin();
  std::advance(chosen, dice_.below(agent.processes().size()));
  end_process(agent, MemberKey(chosen->first));
}

/// The grace of a program that was asked to end does not last for ever.
void World::stop_what_should() {
  for (auto& [id, agent] : agents_) {
    std::vector<MemberKey> over;
    for (const auto& [key, process] : agent.processes())
      if (process.stopping && dice_.percent(60)) over.push_back(key);
    for (const MemberKey& key : over) end_process(agent, key);
  }
}

void World::pass_time(Millis longest) {
  clock_.advance(Millis(dice_.between(1, longest.count())));
  stop_what_should();
  if (core_ && wake_at_ && *wake_at_ <= clock_.wall()) {
    wake_at_.reset();
    events_.emplace_back(controller::TimerFired{});
  }
}

void World::break_gpu() {
  SimAgent& agent = some_agent();
  auto& devices = agent.record().devices;
  if (devices.empty()) return;
  auto& device = devices[dice_.below(devices.size())];
  const int flaps = dice_.percent(20) ? 4 : 1;  // it may not know what it wants
  for (int n = 0; n < flaps; ++n) {
    device.state = device.state == "in_service" ? "out_of_service" : "in_service";
    heartbeat(agent.record().id);
  }
  if (device.state == "in_service") return;
  std::vector<MemberKey> hit;
  for (const auto& [key, process] : agent.processes())
    if (std::ranges::find(process.devices, device.id) != process.devices.end() && dice_.percent(70))
      hit.push_back(key);
  for (const MemberKey& key : hit)
    agent.end(key, {.state = AttemptState::failed, .reason = "CUDA error", .exit_code = 1});
}

void World::break_something() {
  SimAgent& agent = some_agent();
  const NodeId node = agent.record().id;
  switch (dice_.below(10)) {
    case 0:
      if (agent.alive()) agent.die();
      break;
    case 1:
    case 2:
      if (!agent.alive()) {
        agent.come_back();
        wants_attach_.insert(node);
      }
      break;
    case 3:
    case 4:
      break_gpu();
      break;
    case 5:  // the leader gives up a machine: rightly, or because it is cut off
      if (core_ && (!agent.alive() || dice_.percent(30))) {
        ports_.erase(node);
        events_.emplace_back(controller::NodeLost{node});
        if (agent.alive()) wants_attach_.insert(node);
      }
      break;
    case 6:
      if (core_) crash();
      break;
    case 7:
      if (!core_) restart();
      break;
    case 8:
      disk_full_ = !disk_full_;
      break;
    default:
      if (dice_.percent(50) && agent.record().devices.size() > 1)
        agent.record().devices.pop_back();
      else if (dice_.percent(50))
        agent.record().zone = {"rack" + std::to_string(dice_.between(1, 3))};
      else
        agent.record() = as_built_.at(node);
      heartbeat(node);
      break;
  }
  if (!core_ && dice_.percent(50)) restart();
}

void World::heal() {
  disk_full_ = false;
  if (!core_) restart();
  for (const NodeId& node : nodes_) {
    SimAgent& agent = agents_.at(node);
    agent.record() = as_built_.at(node);
    if (!agent.alive()) {
      agent.come_back();
      // Nobody noticed that it was away, or everybody did.
      if (dice_.percent(50)) events_.emplace_back(controller::NodeLost{node});
    }
    wants_attach_.insert(node);
  }
}

}  // namespace galley::world
