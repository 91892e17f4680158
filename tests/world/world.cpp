#include "world.h"

#include <fmt/format.h>

#include "fleet.h"

namespace galley::world {

World::World(std::uint64_t seed, controller::CommandStore& store, Mutation* mutation)
    : dice_(seed), ids_(clock_, seed), store_(store), mutation_(mutation) {
  for (auto& record : make_fleet(dice_, ids_)) {
    nodes_.push_back(record.id);
    as_built_.emplace(record.id, record);
    all_built_.apply(scheduler::NodeUp{controller::offer_of(record)});
    agents_.emplace(record.id, SimAgent(record));
  }
  for (int n = 1; n <= 4; ++n)
    (void)store_.add_dataset("data@" + std::to_string(n), std::int64_t{n} << 32).has_value();
  restart();
}

std::optional<std::string> World::run(int events) {
  for (int event = 0; event < events && !failed(); ++event) {
    step();
    if (!failed() && event == events / 2) settle();
    if (failed()) return fmt::format("event {}: {}", event, *checker_.violation());
  }
  settle();
  if (!failed()) return std::nullopt;
  return fmt::format("after event {}, in peace: {}", events, *checker_.violation());
}

/// One thing happens. Most of the time it is something that is on its way already.
void World::step() {
  clock_.advance(Millis(dice_.between(0, 40)));
  if (dice_.below(1000) == 0) {
    calm_ = !calm_;
    if (calm_) heal();
  }
  const auto roll = dice_.below(100);
  if (roll < 26 && !writes_.empty()) {
    write_next();
  } else if (roll < 48 && !events_.empty()) {
    hear_next();
  } else if (roll < 68 && !network_.empty()) {
    deliver_next(calm_);
  } else if (roll < 77) {
    if (SimAgent* agent = some_agent_with_reports()) send_report(*agent);
  } else if (roll < 80 && !wants_attach_.empty()) {
    attach(NodeId(*wants_attach_.begin()));
  } else if (roll < 87) {
    pass_time(std::chrono::seconds(20));
  } else if (roll < 91) {
    submit();
  } else if (roll < 98) {
    end_some_process();
  } else if (roll < 99) {
    cancel();
  } else {
    switch (dice_.below(6)) {
      case 0:
        change_team();
        break;
      case 1:
        change_booking();
        break;
      case 2:
      case 3:
        found_team();
        break;
      default:
        if (!calm_) break_something();
        break;
    }
  }
  if (!calm_ && dice_.percent(1)) break_something();
  constexpr std::size_t kBusy = 20;  // more on its way than that: waits say nothing about choices
  if (!healthy() || writes_.size() + events_.size() + network_.size() > kBusy)
    checker_.delay_owed(clock_.wall());
  if (core_ && writes_.empty() && events_.empty()) look_closely();
}

/// Everything works, nobody asks for anything new, and every job must come to its end.
void World::settle() {
  settling_ = true;
  calm_ = true;
  heal();
  if (!core_) restart();
  constexpr int kPatience = 3000;
  for (int round = 0; round < kPatience && !failed(); ++round) {
    while (!failed() && (!events_.empty() || !writes_.empty()))
      if (!events_.empty())
        hear_next();
      else
        write_next();
    if (failed()) break;
    stop_what_should();
    while (!network_.empty()) deliver_next(true);
    for (const NodeId& node : nodes_)
      if (wants_attach_.contains(node)) attach(node);
    for (auto& [id, agent] : agents_) send_report(agent);
    if (!network_.empty() || !writes_.empty()) continue;
    if (checker_.open_jobs() == 0) break;
    for (auto& [id, agent] : agents_)
      while (!agent.processes().empty()) end_process(agent, agent.processes().begin()->first);
    pass_time(std::chrono::seconds(60));
  }
  settling_ = false;
  if (failed()) return;
  checker_.all_ended(*core_, clock_.wall());
  if (failed()) return;
  checker_.agree(store_, *core_, clock_.wall());
  checker_.nothing_lost(*core_, clock_.wall());
  checker_.cells_merged(*core_, clock_.wall());
}

SimAgent* World::some_agent_with_reports() {
  const std::size_t first = dice_.below(nodes_.size());
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    SimAgent& agent = agents_.at(nodes_[(first + n) % nodes_.size()]);
    if (agent.alive() && agent.has_reports()) return &agent;
  }
  return nullptr;
}

SimAgent& World::some_agent() { return agents_.at(nodes_[dice_.below(nodes_.size())]); }

/// Nothing is broken or cut off: what is owed must come.
bool World::healthy() const {
  if (!core_ || disk_full_ || !calm_) return false;
  for (const auto& [id, agent] : agents_)
    if (!agent.alive() || !checker_.offers().contains(id)) return false;
  return true;
}

}  // namespace galley::world
