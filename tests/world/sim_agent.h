#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "controller/controller.h"
#include "dice.h"

namespace galley::world {

/// A member of an attempt: what one agent runs.
struct MemberKey {
  AttemptId attempt;
  std::int64_t rank = 0;
  auto operator<=>(const MemberKey&) const = default;
};

struct Process {
  JobId job;
  std::vector<std::string> devices;
  std::int64_t milli = 1000;
  bool stopping = false;  // it was asked to end
};

/// A machine and its agent, as the protocol wants them to be. Within one session a message may come
/// twice or in another order; a new session makes all older ones worthless, so what was decided
/// before an attach can never begin after it. A machine that died remembers nothing (a new boot).
class SimAgent {
 public:
  explicit SimAgent(protocol::NodeRecord record) : record_(std::move(record)) {}

  protocol::NodeRecord& record() { return record_; }
  const protocol::NodeRecord& record() const { return record_; }
  bool alive() const { return alive_; }
  std::int64_t boot() const { return boot_; }
  std::int64_t session() const { return session_; }

  /// Everything that ran here is gone, and what the agent knew.
  void die();
  void come_back();

  /// A new session begins; answers what runs here.
  std::vector<AttemptId> attach();
  void assign(std::int64_t session, const controller::AgentPort::Assign& assign, Dice& dice);
  void cancel(std::int64_t session, const AttemptId& attempt);

  const std::map<MemberKey, Process>& processes() const { return processes_; }
  /// The program ended.
  void end(MemberKey key, protocol::AttemptReport report);

  bool has_reports() const { return !unsent_.empty(); }
  /// The next report of one of the members; it stays until it is acknowledged.
  const protocol::AttemptReport& next_report(Dice& dice) const;
  void acknowledge(const protocol::AttemptReport& report);

 private:
  void tell(const MemberKey& key, protocol::AttemptReport report);

  protocol::NodeRecord record_;
  bool alive_ = true;
  std::int64_t boot_ = 1;
  std::int64_t session_ = 0;
  std::int64_t epoch_ = 0;  // of the newest leader heard of
  std::map<MemberKey, Process> processes_;
  std::set<MemberKey> seen_;
  std::set<AttemptId> cancelled_;  // maybe before they came
  std::map<MemberKey, std::deque<protocol::AttemptReport>> unsent_;
};

}  // namespace galley::world
