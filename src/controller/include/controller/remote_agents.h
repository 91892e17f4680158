#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/agent_registry.h"
#include "controller/controller.h"
#include "protocol/fleet_messages.h"

namespace galley::controller {

/// The agents on other machines, as the leader knows them: one session each, what is to be told
/// them, and when they were last heard of. Knows nothing of sockets: the routes under /internal/v1
/// call it, and a poll that finds nothing is answered later through its callback.
///
/// All of it is in memory; a new leader starts empty and gives every node that should be running
/// something one full timeout to attach before it is given up. The same after a pause of this
/// process: then it was us who were silent.
///
/// Thread-safe. One thread of its own. The controller must outlive it and be stopped before it is
/// destroyed, since that holds references to its nodes.
class RemoteAgents {
 public:
  struct Options {
    Millis silence{10'000};              // a node silent for so long is given up
    Millis heartbeat{1'000};             // how often agents are asked to tell of themselves
    std::optional<NodeId> local_node{};  // attached in this process
  };
  static Result<std::unique_ptr<RemoteAgents>> start(Controller& controller,
                                                     store::Database& database, const Clock& clock,
                                                     Options options);
  ~RemoteAgents();
  /// Answers all that wait, gives nobody up any more, and refuses what comes later. Idempotent.
  void stop();

  /// Makes GALLEY_TOKEN of a job. Set before the first agent attaches.
  void set_job_token(std::function<std::string(const RunId&)> job_token);

  /// A new session of this agent; the one before is over. Blocks on the store.
  /// Errors: conflict (another machine's state folder; a GPU that another node offers), the
  /// store's, unavailable (stopped).
  Result<protocol::AttachAnswer> attach(const AgentRegistry::Agent& agent,
                                        protocol::AttachRequest request,
                                        const std::string& peer_address);

  /// The body of an answer (protocol::AgentMessages), at once or when there is something, at the
  /// latest after kLongestPoll. `after`: the last message that was applied.
  /// Errors: conflict (the session is over), unavailable (stopped).
  using PollDone = std::function<void(Result<std::string>)>;
  void poll(const NodeId& node, const std::string& session, std::int64_t after, Millis wait,
            PollDone done);
  static constexpr Millis kLongestPoll{20'000};

  /// Does not block. Errors: conflict (the session is over), unavailable (stopped).
  Status heartbeat(const NodeId& node, protocol::Heartbeat heartbeat);

  /// What an agent measured. Does not block. Errors: unavailable (stopped).
  Status samples(const NodeId& node, protocol::NodeSample sample);

  /// An attempt's member, as that node tells of it. Blocks for a read; `done` as the controller's.
  /// Errors besides: not_found (the attempt has no such member on that node).
  void report(const NodeId& node, protocol::AttemptReport report, std::function<void(Status)> done);
  void progress(const NodeId& node, protocol::ProgressReport report,
                std::vector<RegisteredFile> files, std::function<void(Status)> done);
  /// Whether the node runs, or ran, that member. Blocks for a read. Errors: not_found.
  Status check_member(const NodeId& node, const AttemptId& attempt, std::int64_t rank) const;

  /// The node is given up now, and its session is over.
  void drop(const NodeId& node);

 private:
  struct Impl;
  explicit RemoteAgents(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::controller
