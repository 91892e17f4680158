#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "agent_outbox.h"
#include "controller/remote_agents.h"

namespace galley::controller {

inline Error session_over() {
  return {Errc::conflict, "this session is over", "session", {}, "attach again"};
}
inline Error agents_stopped() { return {Errc::unavailable, "this controller is stopping"}; }

struct RemoteAgents::Impl {
  /// One node, from its first attach on. Never removed, since the controller keeps a reference.
  struct Node final : AgentPort {
    explicit Node(Impl& in) : owner(in) {}
    void assign(Assign assign) override { owner.send(*this, owner.to_message(std::move(assign))); }
    void cancel(const AttemptId& attempt) override { owner.send(*this, {.cancel = attempt}); }
    bool self_test(const protocol::SelfTestRequest& request) override {
      owner.send(*this, {.self_test = request});
      return true;
    }

    Impl& owner;
    std::mutex order;  // one attach, or one giving up, at a time; taken before owner.mutex

    // Guarded by owner.mutex.
    bool up = false;      // the controller counts on it
    std::string session;  // empty: none
    AgentOutbox outbox;
    PollDone parked;
    Instant parked_until{};
    Instant heard{};
    protocol::NodeRecord record;
    Millis skew{0};
  };

  Impl(Controller& to, store::Database& in, const Clock& by, Options chosen)
      : controller(to), database(in), clock(by), options(std::move(chosen)) {}

  protocol::AgentMessage to_message(AgentPort::Assign assign) const {
    protocol::AssignMessage message{.assignment = std::move(assign.assignment),
                                    .expected_running = assign.expected_running,
                                    .progress_offset = assign.progress_offset,
                                    .job_token = {}};
    if (job_token) message.job_token = job_token(message.assignment.run_id);
    return {.assign = std::move(message)};
  }
  void send(Node& node, protocol::AgentMessage message);
  Node& node_of(const NodeId& id);
  Node* find(const NodeId& id);
  /// The node, if this is its session. Call it with the mutex held.
  Result<Node*> in_session(const NodeId& id, const std::string& session);
  Status begin_session(Node& node, const AgentRegistry::Agent& agent,
                       protocol::AttachRequest& request, const std::string& peer_address);
  Status note_program(const NodeId& id, const protocol::AttachRequest& request);
  Status forget_ended(Node& node, const protocol::AttachRequest& request);
  void end_session(Node& node, std::vector<std::function<void()>>& calls);
  void look(const std::stop_token& stop);
  void look_once(Instant now);
  void give_up(Node& node, const NodeId& id, Instant now);
  void give_up_absent(const NodeId& id);
  void set_skew(Node& node, const std::optional<WallTime>& agent_clock) const;
  protocol::NodeRecord shown(const Node& node) const;

  Controller& controller;
  store::Database& database;
  const Clock& clock;
  const Options options;
  std::function<std::string(const RunId&)> job_token;

  std::mutex mutex;  // guards what follows, and the nodes' own
  std::condition_variable_any wake;
  std::map<NodeId, std::unique_ptr<Node>> nodes;
  std::map<NodeId, Instant> awaited;  // run something and have not attached: until when to wait
  bool is_stopped = false;
  Instant looked_at{};

  std::jthread thread;
};

}  // namespace galley::controller
