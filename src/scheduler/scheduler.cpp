#include <algorithm>

#include "planner.h"
#include "state.h"

namespace galley::scheduler {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

Scheduler::Scheduler(Options options) : state_(std::make_unique<State>(options)) {}
Scheduler::Scheduler(const Scheduler& other) : state_(std::make_unique<State>(*other.state_)) {}
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(const Scheduler& other) {
  if (this != &other) state_ = std::make_unique<State>(*other.state_);
  return *this;
}
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;
Scheduler::~Scheduler() = default;

const QueuedJob* Scheduler::find(const JobId& job) const {
  const auto index = state_->jobs.find(job);
  if (!index || state_->jobs[*index].placed) return nullptr;
  return &state_->jobs[*index].spec;
}

std::size_t Scheduler::queued() const { return state_->queued; }

std::int64_t Scheduler::lost_cells(const std::string& team) const {
  if (!state_->teams.contains(team)) return 0;
  return state_->guarantees.lost_cells(state_->shares.team(team));
}

void Scheduler::apply(const ClusterEvent& event) {
  State& state = *state_;
  // Thousands of nodes may come one after the other: they are numbered once.
  const bool about_nodes =
      std::holds_alternative<NodeUp>(event) || std::holds_alternative<NodeDown>(event);
  if (!about_nodes) state.settle();
  std::visit(
      Overloaded{
          [&](const NodeUp& up) { state.set_node(up.offer); },
          [&](const NodeDown& down) { state.fleet.remove(down.node); },
          [&](const JobQueued& queued) { state.queue_job(queued.job); },
          [&](const JobPlaced& placed) { state.place_job(placed); },
          [&](const JobStopping& stopping) { state.stop_job(stopping.job); },
          [&](const JobGone& gone) { state.remove_job(gone); },
          [&](const TeamChanged& changed) { state.set_team(changed.team); },
          [&](const QuotaChanged& changed) { state.set_quota(changed); },
          [&](const UsageSeen& seen) {
            state.shares.add(state.shares.team(seen.team), seen.gpu_seconds, seen.at);
          },
          [&](const ContentsSeen& seen) { state.locality.set_contents(seen.node, seen.names); },
          [&](const TransferSeen& seen) {
            state.locality.see_transfer(seen.node, seen.bytes, seen.took);
          },
          [&](const ContentMeasured& measured) {
            state.locality.measure(measured.content, measured.built);
          },
          [&](const Booked& booked) { state.bookings[booked.booking.id] = booked.booking; },
          [&](const Unbooked& unbooked) { state.bookings.erase(unbooked.id); },
          [&](const RuntimeExpected& expected) { state.expect_runtime(expected); },
          [&](const EndExpected& expected) { state.expect_end(expected); },
      },
      event);
}

Plan Scheduler::decide(WallTime now) {
  State& state = *state_;
  state.settle();
  state.refresh_mix();
  state.pass_time(now);
  Planner planner(state, now);
  Plan plan = planner.decide();
  state.promise_starts(plan, now);
  return plan;
}

}  // namespace galley::scheduler
