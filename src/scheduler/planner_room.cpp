#include <algorithm>
#include <bit>
#include <tuple>

#include "planner.h"

namespace galley::scheduler {
namespace {

/// Jobs that a pass may try to make room for by preemption: each try looks at the whole fleet, and
/// the pass after the victims have left tries the next.
constexpr std::size_t kMostPreemptionTries = 8;

}  // namespace

template <class MayEvict>
std::optional<Planner::Room> Planner::make_room(const Wanted& wanted,
                                                const MayEvict& may_evict) const {
  const Request& request = wanted.request;
  const DeviceSet free = pool_.free_devices(wanted.node) & wanted.allowed;
  Room room{{{wanted.node, 0}}, {wanted.allowed}, {}};
  if (request.is_share() ? pool_.fits(wanted.node, request)
                         : std::popcount(free) >= request.gpus &&
                               pool_.cpu_free_milli(wanted.node) >= request.cpu_milli &&
                               pool_.memory_free_mib(wanted.node) >= request.memory_mib) {
    room.grants[0].devices = request.is_share() ? pool_.choose_devices(wanted.node, request)
                             : request.gpus > 0 ? pool_.choose_cells(wanted.node, request.gpus, free)
                                                : 0;
    return room;
  }
  struct Evictable {
    Loss loss;
    std::int64_t seq;
    JobIndex index;
  };
  std::vector<Evictable> evictable;
  for (const JobIndex index : state_.on_node[static_cast<std::size_t>(wanted.node)]) {
    const Job& job = state_.jobs[index];
    if (may_evict(job)) evictable.push_back({loss_of(job), job.spec.seq, index});
  }
  // Least lost work first; of equals the newest accepted.
  std::ranges::sort(evictable, [](const Evictable& a, const Evictable& b) {
    return std::tuple(a.loss, -a.seq) < std::tuple(b.loss, -b.seq);
  });
  int gpus = request.gpus - std::popcount(free);
  std::int64_t cpu = request.cpu_milli - pool_.cpu_free_milli(wanted.node);
  std::int64_t memory = request.memory_mib - pool_.memory_free_mib(wanted.node);
  const DeviceSet useful = wanted.allowed & pool_.in_service(wanted.node);
  for (const Evictable& victim : evictable) {
    if (gpus <= 0 && cpu <= 0 && memory <= 0) break;
    const auto claimed = claimed_.find({victim.index, wanted.node});
    int more_gpus = claimed == claimed_.end() ? 0 : -claimed->second;
    std::int64_t more_cpu = 0;
    std::int64_t more_memory = 0;
    for (const Held& held : state_.jobs[victim.index].held)
      if (held.grant.node == wanted.node) {
        more_gpus += std::popcount(held.grant.devices & useful);
        if (claimed != claimed_.end()) continue;  // its processors went to who claimed it first
        more_cpu += held.request.cpu_milli;
        more_memory += held.request.memory_mib;
      }
    if (!(gpus > 0 && more_gpus > 0) && !(cpu > 0 && more_cpu > 0) &&
        !(memory > 0 && more_memory > 0))
      continue;
    room.victims.push_back({victim.index, wanted.node, std::clamp(gpus, 0, std::max(more_gpus, 0))});
    gpus -= more_gpus;
    cpu -= more_cpu;
    memory -= more_memory;
  }
  // Nobody to evict, and yet it does not fit: a share where no GPU may be shared, say.
  if (gpus > 0 || cpu > 0 || memory > 0 || room.victims.empty()) return std::nullopt;
  return room;
}

void Planner::preempt(const std::vector<Victim>& victims, JobIndex beneficiary,
                      const char* reason) {
  for (const Victim& victim : victims) {
    claimed_[{victim.job, victim.node}] += victim.gpus;
    if (!evicted_.insert(victim.job).second || state_.jobs[victim.job].stopping) continue;
    plan_.preemptions.push_back(
        {state_.jobs[victim.job].spec.id, state_.jobs[beneficiary].spec.id, reason});
  }
}

/// Lets the teams' private clusters catch up. What has started there is guaranteed from now on.
void Planner::start_private_jobs() {
  state_.guarantees.for_each([&](std::size_t, VirtualCluster& cluster) {
    for (const JobSeq seq : cluster.advance(now_)) {
      const JobIndex index = *state_.jobs.find(seq);
      Job& job = state_.jobs[index];
      if (job.placed) {
        job.entitled = true;
        state_.misplaced.push_back(index);
      } else {
        state_.dequeue(index);
        job.entitled = true;
        state_.entitled.push_back(index);
      }
    }
    if (const auto end = cluster.next_end()) wake(*end);
  });
  std::erase_if(state_.misplaced, [&](JobIndex index) {
    Job& job = state_.jobs[index];
    return !job.stopping && state_.guarantees.protect(job, index, state_.fleet);
  });
  for (const JobIndex index : state_.misplaced)
    preempt({{index, {}, 0}}, index, "it moves to the cells that its team is guaranteed");
}

std::optional<Planner::Room> Planner::room_for_entitled(JobIndex index) {
  const Job& job = state_.jobs[index];
  const auto& members = state_.signatures.members(job.signature, state_.fleet);
  const auto* running = state_.guarantees.cluster(job.team)->running(job.spec.seq);
  const auto may_evict = [&](const Job& other) { return !other.protected_; };
  Room all;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::size_t cell = running->cells[i];
    std::optional<Room> best;
    if (const auto& bound = state_.guarantees.bound(job.team, cell)) {
      best = make_room({bound->node, members[i], bound->devices}, may_evict);
    } else {
      // A cell that is smaller than a node goes where a node is split already; then where the least
      // work is lost; then where the least is left free.
      std::tuple<bool, Loss, int> best_cost;
      std::optional<PhysicalCell> where;
      for (PhysicalCell& choice : state_.guarantees.choices(job.team, cell, state_.fleet)) {
        auto room = make_room({choice.node, members[i], choice.devices}, may_evict);
        if (!room) continue;
        Loss loss;
        for (const Victim& victim : room->victims) loss += loss_of(state_.jobs[victim.job]);
        const bool splits = std::popcount(choice.devices) < pool_.gpu_count(choice.node) &&
                            state_.guarantees.bound_devices(choice.node) == 0;
        const std::tuple cost{splits, loss,
                              std::popcount(pool_.free_devices(choice.node) & choice.devices)};
        if (where && cost >= best_cost) continue;
        best_cost = cost;
        best = std::move(room);
        where = std::move(choice);
      }
      if (where) state_.guarantees.bind(job.team, cell, *std::move(where));
    }
    if (!best) return std::nullopt;
    // The members of a gang may share a node: each sees what those before it took.
    if (best->victims.empty()) pool_.take(members[i], best->grants.front());
    all.grants.push_back(best->grants.front());
    all.allowed.push_back(best->allowed.front());
    all.victims.insert(all.victims.end(), best->victims.begin(), best->victims.end());
  }
  return all;
}

void Planner::place_entitled() {
  for (const JobIndex index : state_.entitled) {
    const Job& job = state_.jobs[index];
    const auto& members = state_.signatures.members(job.signature, state_.fleet);
    const Pool before = pool_;
    const auto room = room_for_entitled(index);
    pool_ = before;
    if (!room) {
      // Its cells lack what it asks beside GPUs, or something broke: it waits like others.
      (void)consider(index);
      continue;
    }
    if (room->victims.empty()) {
      std::vector<Choice> choices;
      for (const Grant& grant : room->grants) choices.push_back({grant, {}});
      start(index, choices, Standing::guaranteed);
      continue;
    }
    preempt(room->victims, index, "it ran on GPUs that another job's team is guaranteed");
    for (std::size_t i = 0; i < members.size(); ++i)
      hold({.node = room->grants[i].node,
            .until = now_,
            .wanted = members[i],
            .allowed = room->allowed[i]});
  }
}

bool Planner::preempt_for(JobIndex index, const std::vector<Request>& members) {
  using protocol::PriorityClass;
  const PriorityClass own = state_.jobs[index].spec.priority_class;
  const bool over_idle = own != PriorityClass::idle && state_.placed_of_class[2] > 0;
  // Where teams have guarantees, who runs beyond them has agreed to be displaced: also by a job that
  // smaller ones keep passing.
  const bool by_age = own == PriorityClass::normal && state_.guarantees.any() &&
                      state_.is_aged(state_.jobs[index], now_);
  const bool over_normal =
      (own == PriorityClass::urgent || by_age) && state_.placed_of_class[1] > 0;
  if ((!over_idle && !over_normal) || ++preemption_tries_ > kMostPreemptionTries) return false;
  const auto may_evict = [&](const Job& other) {
    if (other.protected_ || !other.placed || (by_age && other.by_age)) return false;
    if (other.spec.priority_class == PriorityClass::idle) return over_idle;
    if (other.spec.priority_class != PriorityClass::normal || !over_normal) return false;
    const WallTime from = other.placed_at + state_.options.minimum_runtime;
    return other.stopping || from <= now_;
  };
  Pool with_victims = pool_;
  std::vector<float> lost(state_.fleet.size(), 0);
  bool any = false;
  for (std::size_t i = 0; i < state_.on_node.size(); ++i)
    for (const JobIndex other : state_.on_node[i]) {
      const Job& victim = state_.jobs[other];
      const auto node = static_cast<NodeIndex>(i);
      if (const auto claimed = claimed_.find({other, node});
          claimed != claimed_.end() && claimed->second >= static_cast<int>(gpus_of(victim)))
        continue;
      if (over_normal && victim.spec.priority_class == PriorityClass::normal && !victim.stopping)
        wake(victim.placed_at + state_.options.minimum_runtime);
      if (!may_evict(victim)) continue;
      for (const Held& held : victim.held)
        if (held.grant.node == node) with_victims.give(held.request, held.grant);
      const Loss loss = loss_of(victim);
      if (!victim.stopping)
        lost[i] += static_cast<float>(loss.gpu_hours * 3600 + 1e9 / (1e4 - loss.minus_ran_s));
      any = true;
    }
  if (!any) return false;
  const auto choices = state_.placer.choose_gang(with_victims, members, lost);
  if (!choices) return false;
  Room all;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const NodeIndex node = (*choices)[i].grant.node;
    const auto room = make_room({node, members[i], ~DeviceSet{0}}, may_evict);
    if (!room) return false;
    all.victims.insert(all.victims.end(), room->victims.begin(), room->victims.end());
  }
  preempt(all.victims, index, "a job of a higher class needs its place");
  for (std::size_t i = 0; i < members.size(); ++i)
    hold({.node = (*choices)[i].grant.node, .until = now_, .wanted = members[i]});
  return true;
}

}  // namespace galley::scheduler
