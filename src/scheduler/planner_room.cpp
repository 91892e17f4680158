#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "planner.h"

namespace galley::scheduler {
namespace {

constexpr std::size_t kMostNodesLookedAt = 128;

}  // namespace

/// What could be evicted from the node, each with the GPUs that it would free: the least lost work
/// first; of equals the newest accepted. A GPU that is shared becomes free only when all who share
/// it leave, and so they are one.
template <class MayEvict>
std::vector<Planner::Eviction> Planner::evictions_on(const Wanted& wanted,
                                                     const MayEvict& may_evict) const {
  const DeviceSet useful = wanted.allowed & state_.fleet.pool().in_service(wanted.node);
  std::vector<Eviction> found;
  std::map<DeviceSet, Eviction> sharing;
  std::set<DeviceSet> kept;  // shared with somebody who stays
  for (const JobIndex index : state_.on_node[static_cast<std::size_t>(wanted.node)]) {
    const Job& job = state_.jobs[index];
    const bool leaves = may_evict(job);
    Eviction whole{loss_of(job), -job.spec.seq, {index}, 0};
    bool shares = false;
    for (const Held& held : job.held) {
      if (held.grant.node != wanted.node) continue;
      if (!held.request.is_share()) {
        whole.gpus += std::popcount(held.grant.devices & useful);
        continue;
      }
      shares = true;
      if (!leaves) {
        kept.insert(held.grant.devices);
        continue;
      }
      Eviction& all = sharing[held.grant.devices];
      all.gpus = std::popcount(held.grant.devices & useful);
      if (!all.jobs.empty() && all.jobs.back() == index) continue;
      all.loss += whole.loss;
      all.minus_seq = std::min(all.minus_seq, whole.minus_seq);
      all.jobs.push_back(index);
    }
    if (leaves && !shares) found.push_back(std::move(whole));
  }
  for (auto& [device, all] : sharing) {
    if (!kept.contains(device)) {
      found.push_back(std::move(all));
      continue;
    }
    for (const JobIndex index : all.jobs)
      found.push_back({loss_of(state_.jobs[index]), -state_.jobs[index].spec.seq, {index}, 0});
  }
  std::ranges::sort(found, [](const Eviction& a, const Eviction& b) {
    return std::pair(a.loss, a.minus_seq) < std::pair(b.loss, b.minus_seq);
  });
  return found;
}

template <class MayEvict>
std::optional<Planner::Room> Planner::make_room(const Wanted& wanted,
                                                const MayEvict& may_evict) const {
  const Request& request = wanted.request;
  if ((request.needs & ~pool_.abilities(wanted.node)) != 0) return std::nullopt;
  const DeviceSet free = pool_.free_devices(wanted.node) & wanted.allowed;
  Room room{{{wanted.node, 0}}, {wanted.allowed}, {}};
  if (request.is_share() ? pool_.fits(wanted.node, request)
                         : std::popcount(free) >= request.gpus &&
                               pool_.cpu_free_milli(wanted.node) >= request.cpu_milli &&
                               pool_.memory_free_mib(wanted.node) >= request.memory_mib) {
    room.grants[0].devices = request.is_share() ? pool_.choose_devices(wanted.node, request)
                             : request.gpus > 0
                                 ? pool_.choose_cells(wanted.node, request.gpus, free)
                                 : 0;
    return room;
  }
  const std::vector<Eviction> evictions = evictions_on(wanted, may_evict);
  int gpus = request.gpus - std::popcount(free);
  std::int64_t cpu = request.cpu_milli - pool_.cpu_free_milli(wanted.node);
  std::int64_t memory = request.memory_mib - pool_.memory_free_mib(wanted.node);
  std::set<JobIndex> chosen;
  for (const Eviction& eviction : evictions) {
    if (gpus <= 0 && cpu <= 0 && memory <= 0) break;
    int more_gpus = eviction.gpus;
    std::int64_t more_cpu = 0;
    std::int64_t more_memory = 0;
    for (const JobIndex index : eviction.jobs) {
      const auto claimed = claimed_.find({index, wanted.node});
      if (claimed != claimed_.end()) {
        more_gpus -= claimed->second;
        continue;  // its processors went to who claimed it first
      }
      if (chosen.contains(index)) continue;
      for (const Held& held : state_.jobs[index].held)
        if (held.grant.node == wanted.node) {
          more_cpu += held.request.cpu_milli;
          more_memory += held.request.memory_mib;
        }
    }
    if (!(gpus > 0 && more_gpus > 0) && !(cpu > 0 && more_cpu > 0) &&
        !(memory > 0 && more_memory > 0))
      continue;
    int claim = std::clamp(gpus, 0, std::max(more_gpus, 0));
    for (const JobIndex index : eviction.jobs) {
      chosen.insert(index);
      room.victims.push_back({index, wanted.node, std::exchange(claim, 0)});
    }
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
      // Where nobody has to leave; a cell that is smaller than a node, where a node is split
      // already; then where the least work is lost; then where the least is left free.
      struct Option {
        std::tuple<bool, bool, Loss, int> cost;
        Room room;
        PhysicalCell where;
      };
      std::vector<Option> options;
      for (PhysicalCell& choice : state_.guarantees.choices(job.team, cell, state_.fleet)) {
        auto room = make_room({choice.node, members[i], choice.devices}, may_evict);
        if (!room) continue;
        const Loss loss = loss_of(*room);
        const bool splits = std::popcount(choice.devices) < pool_.gpu_count(choice.node) &&
                            state_.guarantees.bound_devices(choice.node) == 0;
        const int free = std::popcount(pool_.free_devices(choice.node) & choice.devices);
        options.push_back(
            {{!room->victims.empty(), splits, loss, free}, *std::move(room), std::move(choice)});
      }
      std::ranges::stable_sort(options, {}, &Option::cost);
      for (Option& option : options) {
        if (!state_.guarantees.try_bind(job.team, cell, std::move(option.where), state_.fleet))
          continue;
        best = std::move(option.room);
        break;
      }
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
  std::vector<JobIndex> others;
  for (const JobIndex index : state_.entitled) {
    const Job& job = state_.jobs[index];
    const auto& members = state_.signatures.members(job.signature, state_.fleet);
    const Pool before = pool_;
    const auto room = room_for_entitled(index);
    pool_ = before;
    if (!room) {
      // Its cells lack what it asks beside GPUs, or something broke: it waits like others.
      others.push_back(index);
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
    close_devices_of(*room);
  }
  // Only now, so that they do not take what is being freed for those before.
  for (const JobIndex index : others) (void)consider(index);
}

/// A GPU that victims share must not be given in part to others before the last of them has left.
void Planner::close_devices_of(const Room& room) {
  for (std::size_t i = 0; i < room.grants.size(); ++i) {
    const NodeIndex node = room.grants[i].node;
    DeviceSet leaving = 0;
    for (const Victim& victim : room.victims)
      for (const Held& held : state_.jobs[victim.job].held)
        if (held.grant.node == node) leaving |= held.grant.devices & room.allowed[i];
    if (leaving != 0) pool_.set_in_service(node, pool_.in_service(node) & ~leaving);
  }
}

bool Planner::preempt_for(JobIndex index, const std::vector<Request>& members) {
  using protocol::PriorityClass;
  const PriorityClass own = state_.jobs[index].spec.priority_class;
  const bool over_idle = own != PriorityClass::idle && state_.placed_of_class[2] > 0;
  // Where teams have guarantees, who runs beyond them has agreed to be displaced: also by a job
  // that smaller ones keep passing.
  const bool by_age = own == PriorityClass::normal && state_.guarantees.any() &&
                      state_.is_aged(state_.jobs[index], now_);
  const bool over_normal =
      (own == PriorityClass::urgent || by_age) && state_.placed_of_class[1] > 0;
  if ((!over_idle && !over_normal) || ++preemption_tries_ > kMostPreemptionTries) return false;
  const auto may_evict = [&](const Job& other) {
    if (other.protected_ || !other.placed || (by_age && other.by_age)) return false;
    if (other.spec.priority_class == PriorityClass::idle) return over_idle;
    if (other.spec.priority_class != PriorityClass::normal || !over_normal) return false;
    const WallTime from =
        other.placed_at + (by_age ? kLongestKeeping : state_.options.minimum_runtime);
    if (other.stopping || from <= now_) return true;
    wake(from);
    return false;
  };
  // The nodes that come nearest by count are looked at closely: all of a small fleet, the best of a
  // large one.
  std::vector<std::pair<int, NodeIndex>> nearest;
  for (std::size_t i = 0; i < state_.fleet.size(); ++i) {
    const auto node = static_cast<NodeIndex>(i);
    const int idle = state_.preemptible[i][2];
    const int normal = over_normal ? state_.preemptible[i][1] : 0;
    const int gpus = pool_.free_gpus(node) + idle + normal;
    if ((idle > 0 || normal > 0 || members.front().gpus == 0) && gpus >= members.back().gpus)
      nearest.emplace_back(-(pool_.free_gpus(node) + idle), node);
  }
  const std::size_t close = std::min(nearest.size(), kMostNodesLookedAt + members.size());
  std::partial_sort(nearest.begin(), nearest.begin() + static_cast<std::ptrdiff_t>(close),
                    nearest.end());
  nearest.resize(close);
  Room all;
  for (const Request& member : members) {
    std::optional<Room> best;
    Loss least;
    for (const auto& [gpus, node] : nearest) {
      const bool used =
          std::ranges::any_of(all.grants, [&](const Grant& grant) { return grant.node == node; });
      if (used || !pool_.could_fit(node, member)) continue;
      auto room = make_room({node, member, ~DeviceSet{0}}, may_evict);
      if (!room) continue;
      const Loss loss = loss_of(*room);
      if (best && loss >= least) continue;
      best = std::move(room);
      least = loss;
    }
    if (!best) return false;
    all.grants.push_back(best->grants.front());
    all.victims.insert(all.victims.end(), best->victims.begin(), best->victims.end());
  }
  preempt(all.victims, index, "a job of a higher class needs its place");
  for (std::size_t i = 0; i < members.size(); ++i)
    hold({.node = all.grants[i].node, .until = now_, .wanted = members[i]});
  return true;
}

}  // namespace galley::scheduler
