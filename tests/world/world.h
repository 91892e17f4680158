#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checker.h"
#include "core.h"
#include "dice.h"
#include "mutation.h"
#include "sim_agent.h"
#include "support/command_store/command_store.h"

namespace galley::world {

/// A whole installation on a virtual clock: people, a leader that may die between any two writes, a
/// network that loses, doubles, delays and reorders, machines and GPUs that die and come back. The
/// leader's core and its commands are the real ones. Everything that happens follows from the seed.
class World {
 public:
  World(std::uint64_t seed, controller::CommandStore& store, Mutation* mutation = nullptr);

  /// So many events, and then peace until every job has ended. The first violation, with the number
  /// of the event after which it was seen.
  std::optional<std::string> run(int events);

 private:
  struct Port {
    std::int64_t session = 0;
    std::int64_t boot = 0;
  };
  struct Message {
    std::function<void()> deliver;
    std::optional<NodeId> to;  // an agent; its connection breaks when the message is lost
  };

  void step();
  void settle();
  bool failed() const { return checker_.violation().has_value(); }

  // The leader and its store (world_leader.cpp).
  void restart();
  void crash();
  std::optional<Error> refusal();
  void write_next();
  void hear_next();
  void carry_out(const controller::Effects& effects);
  void store_start(const controller::StartAttempt& start);
  void store_preemption(const controller::PreemptAttempt& preemption);
  void store_loss(const protocol::AttemptReport& loss);
  void store_report(const NodeId& node, std::int64_t boot, const protocol::AttemptReport& report);
  void look_closely();

  // Machines and the network (world_machines.cpp).
  void attach(const NodeId& node);
  void heartbeat(const NodeId& node);
  void send_report(SimAgent& agent);
  void deliver_next(bool fair);
  void end_some_process();
  void end_process(SimAgent& agent, const MemberKey& key);
  void stop_what_should();
  void pass_time(Millis longest);
  void break_something();
  void break_gpu();
  void heal();

  // People (world_people.cpp).
  void submit();
  void submit(protocol::JobSpec spec, bool owed);
  void cancel();
  void change_team();
  void change_booking();
  void found_team();
  protocol::JobSpec some_job();

  SimAgent& some_agent();
  SimAgent* some_agent_with_reports();
  bool healthy() const;

  Dice dice_;
  ManualClock clock_;
  IdSource ids_;
  controller::CommandStore& store_;
  Mutation* mutation_;
  Checker checker_;

  std::unique_ptr<controller::Core> core_;  // absent while nobody leads
  std::deque<std::function<void()>> writes_;
  std::deque<controller::Event> events_;
  std::optional<WallTime> wake_at_;
  std::map<NodeId, Port> ports_;
  std::map<NodeId, std::int64_t> heard_;  // the session that the core knows

  std::map<NodeId, SimAgent> agents_;
  std::vector<NodeId> nodes_;
  std::map<NodeId, protocol::NodeRecord> as_built_;
  scheduler::Scheduler all_built_;  // says what could ever run
  std::set<NodeId> wants_attach_;
  std::vector<Message> network_;

  std::vector<ReservationId> bookings_;
  std::optional<protocol::JobSpec> last_job_;
  std::vector<std::string> founded_;
  int teams_founded_ = 0;
  bool disk_full_ = false;
  bool calm_ = true;
  bool settling_ = false;
  int calls_ = 0;  // of look_closely
};

}  // namespace galley::world
