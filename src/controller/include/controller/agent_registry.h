#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "controller/controller.h"
#include "protocol/fleet_messages.h"

namespace galley::controller {

/// Which agents may speak for which node. A machine joins with a one-time token, and from then on
/// its agent names itself by a credential of its own. Secrets are stored as SHA-256 only: both
/// kinds are 256 random bits.
///
/// Thread-safe. Credentials are looked up in memory, since every request of every agent asks.
class AgentRegistry {
 public:
  static constexpr Millis kShortestLife{1'000};
  static constexpr Millis kLongestLife = std::chrono::hours(24 * 30);

  /// Reads the credentials. Errors: the store's.
  static Result<std::unique_ptr<AgentRegistry>> open(store::Database& database, const Clock& clock,
                                                     Controller& controller);

  struct JoinToken {
    std::string token;  // shown once
    WallTime expires_at{};
  };
  /// Errors: invalid_argument (a life out of bounds).
  Result<JoinToken> new_join_token(Millis life, const Caller& caller);

  /// Uses the token up. A node of the name that has joined before joins again only from the same
  /// state folder. Errors: unauthenticated (unknown token), conflict (used or expired token, a name
  /// that another machine has).
  Result<protocol::JoinAnswer> join(const protocol::JoinRequest& request,
                                    const std::string& request_id);

  struct Agent {
    NodeId node;
    std::string name;
    std::string machine;
  };
  /// Whose credential this is; nothing when it is nobody's.
  std::optional<Agent> find(std::string_view credential) const;

  /// Its agent is refused from now on. Errors: not_found (no agent of that name or id).
  Result<NodeId> remove(std::string_view name_or_id, const Caller& caller);

 private:
  AgentRegistry(store::Database& database, const Clock& clock, Controller& controller)
      : database_(database), clock_(clock), controller_(controller) {}
  Status load();

  store::Database& database_;
  const Clock& clock_;
  Controller& controller_;

  mutable std::mutex mutex_;                       // guards agents_
  std::unordered_map<std::string, Agent> agents_;  // by the SHA-256 of the credential
};

}  // namespace galley::controller
