// The sessions of agents: how they begin, are spoken to, and end.
#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "remote_agents_impl.h"

namespace galley::controller {
namespace {

constexpr Millis kLookEvery{100};
/// Worth an operator's look.
constexpr Millis kSkewNoted{60'000};
constexpr std::size_t kSessionBytes = 12;

std::string skew_note(Millis skew) {
  return "its clock is " + format_duration(std::chrono::abs(skew)) +
         (skew.count() > 0 ? " ahead of" : " behind") + " the controller's";
}

}  // namespace

void RemoteAgents::Impl::send(Node& node, protocol::AgentMessage message) {
  PollDone parked;
  std::string body;
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(mutex);
    if (node.session.empty()) return;  // attaching sends everything again
    if (!node.outbox.push(std::move(message))) {
      log::warn("controller", "an agent takes no messages, so its session ends",
                {{"node", node.record.name}});
      end_session(node, calls);
    } else if (node.parked) {
      parked = std::exchange(node.parked, nullptr);
      body = node.outbox.print(controller.epoch());
    }
  }
  for (const auto& call : calls) call();
  if (parked) parked(std::move(body));
}

RemoteAgents::Impl::Node& RemoteAgents::Impl::node_of(const NodeId& id) {
  const std::lock_guard lock(mutex);
  auto& node = nodes[id];
  if (!node) node = std::make_unique<Node>(*this);
  return *node;
}

RemoteAgents::Impl::Node* RemoteAgents::Impl::find(const NodeId& id) {
  const auto found = nodes.find(id);
  return found == nodes.end() ? nullptr : found->second.get();
}

Result<RemoteAgents::Impl::Node*> RemoteAgents::Impl::in_session(const NodeId& id,
                                                                 const std::string& session) {
  if (is_stopped) return agents_stopped();
  Node* node = find(id);
  if (node == nullptr || node->session.empty() || node->session != session) return session_over();
  node->heard = clock.steady();
  return node;
}

void RemoteAgents::Impl::end_session(Node& node, std::vector<std::function<void()>>& calls) {
  node.session.clear();
  node.outbox = {};
  if (node.parked)
    calls.push_back([done = std::exchange(node.parked, nullptr)] { done(session_over()); });
}

void RemoteAgents::Impl::set_skew(Node& node, const std::optional<WallTime>& agent_clock) const {
  if (agent_clock) node.skew = *agent_clock - clock.wall();
}

protocol::NodeRecord RemoteAgents::Impl::shown(const Node& node) const {
  protocol::NodeRecord record = node.record;
  if (std::chrono::abs(node.skew) >= kSkewNoted) record.notes.push_back(skew_note(node.skew));
  return record;
}

Status RemoteAgents::Impl::begin_session(Node& node, const AgentRegistry::Agent& agent,
                                         protocol::AttachRequest& request,
                                         const std::string& peer_address) {
  std::vector<std::function<void()>> calls;
  protocol::NodeRecord record;
  {
    const std::lock_guard lock(mutex);
    if (is_stopped) return agents_stopped();
    end_session(node, calls);
    node.session = random_hex(kSessionBytes);
    node.up = true;
    node.heard = clock.steady();
    node.record = std::move(request.node);
    node.record.id = agent.node;
    node.record.name = agent.name;
    node.record.state = "up";
    if (node.record.address.empty()) node.record.address = peer_address;
    set_skew(node, request.clock);
    record = shown(node);
    awaited.erase(agent.node);
  }
  for (const auto& call : calls) call();
  return controller.attach(std::move(record), node, request.held);
}

/// What the agent keeps on its disk and nobody waits for any more.
Status RemoteAgents::Impl::forget_ended(Node& node, const protocol::AttachRequest& request) {
  if (request.ended.empty()) return ok();
  std::set<std::string> awaited_ends;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows, transaction.query("select attempt_id from attempt_members where "
                                                  "node_id = :1 and state <> 'ended'",
                                                  {node.record.id.str()}));
    for (const store::Row& row : rows) awaited_ends.insert(row.text(0));
    return ok();
  }));
  for (const AttemptId& attempt : request.ended)
    if (!awaited_ends.contains(attempt.str())) send(node, {.forget = attempt});
  return ok();
}

/// For those who ask whether another program would do; a write only where it changed.
Status RemoteAgents::Impl::note_program(const NodeId& id, const protocol::AttachRequest& request) {
  bool is_known = false;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row,
               transaction.query_one("select version, protocol from agents where node_id = :1",
                                     {id.str()}));
    is_known = !row || (row->text(0) == request.version && row->integer(1) == request.protocol);
    return ok();
  }));
  if (is_known) return ok();
  return database.write([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(
        transaction.execute("update agents set version = :2, protocol = :3 where node_id = :1",
                            {id.str(), request.version, request.protocol}));
    return ok();
  });
}

void RemoteAgents::Impl::look(const std::stop_token& stop) {
  for (;;) {
    {
      std::unique_lock lock(mutex);
      wake.wait_for(lock, stop, kLookEvery, [] { return false; });
    }
    if (stop.stop_requested()) return;
    look_once(clock.steady());
  }
}

void RemoteAgents::Impl::look_once(Instant now) {
  std::vector<std::function<void()>> calls;
  std::vector<std::pair<NodeId, Node*>> silent;
  std::vector<NodeId> never_came;
  {
    const std::lock_guard lock(mutex);
    // It was us who slept: what the nodes sent meanwhile has not been read yet.
    const bool slept = now - looked_at > options.silence / 2;
    looked_at = now;
    for (auto& [id, node] : nodes) {
      if (slept) node->heard = std::max(node->heard, now);
      if (node->parked && node->parked_until <= now)
        calls.push_back([done = std::exchange(node->parked, nullptr),
                         body = node->outbox.print(controller.epoch())] { done(body); });
      if (node->up && now - node->heard > options.silence) silent.emplace_back(id, node.get());
    }
    for (auto& [id, until] : awaited)
      if (slept) until = now + options.silence;
    std::erase_if(awaited, [&](const auto& entry) {
      if (entry.second > now) return false;
      never_came.push_back(entry.first);
      return true;
    });
  }
  for (const auto& call : calls) call();
  for (const auto& [id, node] : silent) give_up(*node, id, now);
  for (const NodeId& id : never_came) give_up_absent(id);
}

void RemoteAgents::Impl::give_up_absent(const NodeId& id) {
  Node& node = node_of(id);
  const std::unique_lock order(node.order, std::try_to_lock);
  if (!order) return;
  {
    const std::lock_guard lock(mutex);
    if (node.up) return;
  }
  log::warn("controller", "a node did not come back in time", {{"node", id.str()}});
  controller.node_lost(id);
}

void RemoteAgents::Impl::give_up(Node& node, const NodeId& id, Instant now) {
  // Whoever attaches at this moment is not silent.
  const std::unique_lock order(node.order, std::try_to_lock);
  if (!order) return;
  std::vector<std::function<void()>> calls;
  std::string name;
  {
    const std::lock_guard lock(mutex);
    if (!node.up || now - node.heard <= options.silence) return;
    node.up = false;
    end_session(node, calls);
    name = node.record.name;
  }
  for (const auto& call : calls) call();
  log::warn("controller", "a node is given up: nothing was heard of it",
            {{"node", name}, {"for", format_duration(options.silence)}});
  controller.node_lost(id);
}

}  // namespace galley::controller
