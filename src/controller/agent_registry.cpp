#include "controller/agent_registry.h"

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "job_events.h"

namespace galley::controller {
namespace {

using store::Transaction;

constexpr std::size_t kSecretBytes = 32;
constexpr std::string_view kJoinPrefix = "galley-join-";
constexpr std::string_view kAgentPrefix = "galley-agent-";

Error join_again(std::string message) {
  return {Errc::conflict,
          std::move(message),
          "join-token",
          {},
          "`galley nodes join-token` makes a new one"};
}

/// Marks the token as used. Errors: unauthenticated, conflict.
Status use_token(Transaction& transaction, const protocol::JoinRequest& request,
                 std::int64_t now_ms) {
  const std::string hash = sha256_hex(request.token);
  GALLEY_TRY(auto row, transaction.query_one("select expires_ms, used_ms, used_by from join_tokens "
                                             "where token_sha256 = :1",
                                             {hash}));
  if (!row)
    return Error{Errc::unauthenticated,
                 "this join token is not known here",
                 "join-token",
                 {},
                 "`galley nodes join-token` makes one"};
  if (!row->is_null(1))
    return join_again("this join token was used by node '" + row->text(2) + "' on " +
                      to_rfc3339(from_ms(row->integer(1))) + "; each is good for one node");
  if (row->integer(0) <= now_ms)
    return join_again("this join token expired on " + to_rfc3339(from_ms(row->integer(0))));
  // Unused still, whoever else tries at the same time.
  GALLEY_TRY(const auto used,
             transaction.execute("update join_tokens set used_ms = :2, used_by = :3 where "
                                 "token_sha256 = :1 and used_ms is null",
                                 {hash, now_ms, request.name}));
  if (used != 1) return join_again("this join token was used just now");
  return ok();
}

Status check_name(const std::string& name) {
  const auto plain = [](unsigned char c) { return c > 0x20 && c != 0x7f && c != '/'; };
  if (!name.empty() && name.size() <= 128 && is_valid_utf8(name) &&
      std::ranges::all_of(name, plain))
    return ok();
  return Error{Errc::invalid_argument, "'" + to_valid_utf8(name.substr(0, 64)) + "' names no node",
               "name", "1 to 128 characters without blanks and '/'"};
}

}  // namespace

Result<std::unique_ptr<AgentRegistry>> AgentRegistry::open(store::Database& database,
                                                           const Clock& clock,
                                                           Controller& controller) {
  std::unique_ptr<AgentRegistry> registry(new AgentRegistry(database, clock, controller));
  GALLEY_TRY_STATUS(registry->load());
  return registry;
}

Status AgentRegistry::load() {
  return database_.read([this](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows,
               transaction.query("select credential_sha256, node_id, name, machine "
                                 "from agents"));
    const std::lock_guard lock(mutex_);
    agents_.clear();
    for (const store::Row& row : rows)
      agents_[row.text(0)] = {NodeId::trusted(row.text(1)), row.text(2), row.text(3)};
    return ok();
  });
}

Result<AgentRegistry::JoinToken> AgentRegistry::new_join_token(Millis life, const Caller& caller) {
  if (life < kShortestLife || life > kLongestLife)
    return Error{Errc::invalid_argument, "a join token cannot live for " + format_duration(life),
                 "ttl_s", "from 1 s to 30 days"};
  const WallTime now = clock_.wall();
  JoinToken made{std::string(kJoinPrefix) + random_hex(kSecretBytes), now + life};
  GALLEY_TRY_STATUS(database_.write([&](Transaction& transaction) -> Status {
    // A used token is kept until it has expired: after that both answers are "not known".
    GALLEY_TRY_STATUS(transaction.execute("delete from join_tokens where expires_ms < :1",
                                          {to_ms(now - kLongestLife)}));
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into join_tokens (token_sha256, principal, created_ms, expires_ms) values "
        "(:1, :2, :3, :4)",
        {sha256_hex(made.token), caller.principal, to_ms(now), to_ms(made.expires_at)}));
    return audit(transaction, caller, "join_token.create", to_rfc3339(made.expires_at), now);
  }));
  return made;
}

Result<protocol::JoinAnswer> AgentRegistry::join(const protocol::JoinRequest& request,
                                                 const std::string& request_id) {
  GALLEY_TRY_STATUS(check_name(request.name));
  const auto nodes = controller_.nodes();
  const bool is_up = std::ranges::any_of(nodes, [&](const protocol::NodeRecord& node) {
    return node.name == request.name && node.state == "up";
  });
  GALLEY_TRY(const NodeId fresh, controller_.node_id(request.name));
  const std::string credential = std::string(kAgentPrefix) + random_hex(kSecretBytes);
  const std::string hash = sha256_hex(credential);
  const WallTime now = clock_.wall();
  std::string replaced;
  protocol::JoinAnswer answer{fresh, credential};
  GALLEY_TRY_STATUS(database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(auto known, transaction.query_one("select node_id, machine, credential_sha256 from "
                                                 "agents where name = :1",
                                                 {request.name}));
    // Said before the token is looked at, but only to those who hold a good one: the write fails as
    // a whole, so the token stays good for another name.
    GALLEY_TRY_STATUS(use_token(transaction, request, to_ms(now)));
    const bool same_machine = known && known->text(1) == request.machine;
    if ((known && !same_machine) || (!known && is_up))
      return Error{Errc::conflict,
                   "another machine has joined as node '" + request.name + "'",
                   "name",
                   {},
                   "give this one another --name, or free it with `galley nodes remove " +
                       request.name + "`"};
    if (known) {
      answer.node_id = NodeId::trusted(known->text(0));
      replaced = known->text(2);
    }
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into agents (node_id, name, credential_sha256, machine, joined_ms) values "
        "(:1, :2, :3, :4, :5) on conflict (node_id) do update set name = excluded.name, "
        "credential_sha256 = excluded.credential_sha256, machine = excluded.machine, joined_ms = "
        "excluded.joined_ms",
        {answer.node_id.str(), request.name, hash, request.machine, to_ms(now)}));
    return audit(transaction, {.principal = "node:" + request.name, .request_id = request_id},
                 "node.join", answer.node_id.str(), now);
  }));
  const std::lock_guard lock(mutex_);
  agents_.erase(replaced);
  agents_[hash] = {answer.node_id, request.name, request.machine};
  return answer;
}

std::optional<AgentRegistry::Agent> AgentRegistry::find(std::string_view credential) const {
  const std::string hash = sha256_hex(credential);
  const std::lock_guard lock(mutex_);
  const auto found = agents_.find(hash);
  return found == agents_.end() ? std::nullopt : std::optional(found->second);
}

Result<NodeId> AgentRegistry::remove(std::string_view name_or_id, const Caller& caller) {
  const std::string wanted(name_or_id);
  NodeId node;
  std::string hash;
  GALLEY_TRY_STATUS(database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(auto row,
               transaction.query_one("select node_id, credential_sha256 from agents where "
                                     "node_id = :1 or name = :1",
                                     {wanted}));
    if (!row)
      return Error{Errc::not_found,
                   "no agent has joined as node '" + to_valid_utf8(wanted.substr(0, 64)) + "'",
                   {},
                   {},
                   "`galley nodes` lists them"};
    node = NodeId::trusted(row->text(0));
    hash = row->text(1);
    GALLEY_TRY_STATUS(transaction.execute("delete from agents where node_id = :1", {node.str()}));
    return audit(transaction, caller, "node.remove", node.str(), clock_.wall());
  }));
  const std::lock_guard lock(mutex_);
  agents_.erase(hash);
  return node;
}

}  // namespace galley::controller
