#include "state.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace galley::scheduler {

double share_of(const Job& job) {
  const double gpus = gpus_of(job);
  if (gpus > 0) return gpus;
  constexpr double kProcessorsOfAGpu = 16;
  return static_cast<double>(job.spec.resources.cpus * job.spec.resources.nodes) /
         kProcessorsOfAGpu;
}

State::State(const State& other)
    : options(other.options),
      fleet(other.fleet),
      jobs(other.jobs),
      signatures(other.signatures),
      queue(other.queue),
      future(other.future),
      due(other.due),
      entitled(other.entitled),
      misplaced(other.misplaced),
      shares(other.shares),
      guarantees(other.guarantees),
      teams(other.teams),
      quotas(other.quotas),
      bookings(other.bookings),
      locality(other.locality),
      on_node(other.on_node),
      preemptible(other.preemptible),
      releases(other.releases),
      estimator(other.estimator.without_promises()),
      fresh(other.fresh),
      queued(other.queued),
      queued_of_team(other.queued_of_team),
      queued_gpu_s(other.queued_gpu_s),
      queued_without_gpus(other.queued_without_gpus),
      aged_gpus(other.aged_gpus),
      lifted_gpus(other.lifted_gpus),
      aged_node_gpus(other.aged_node_gpus),
      placed_of_class(other.placed_of_class) {
}  // the placer has caches of its own and learns the mix anew

void State::settle() {
  if (!fleet.renumber()) return;
  signatures.forget_members();
  mix.clear();
  on_node.assign(fleet.size(), {});
  preemptible.assign(fleet.size(), {});
  releases.reset(fleet.size());
  std::vector<JobIndex> placed;
  jobs.for_each([&](JobIndex index, const Job& job) {
    if (job.placed) placed.push_back(index);
  });
  // Numbers of jobs depend on the past; what is left of a node that shrank must not.
  std::ranges::sort(placed, {}, [&](JobIndex index) { return jobs[index].spec.seq; });
  for (const JobIndex index : placed) {
    jobs[index].held.clear();
    attach(index);
  }
  for (const auto& [name, team] : teams) {
    const std::size_t number = shares.team(name);
    if (guarantees.set_team(number, team.guarantees, fleet)) rebuild_private_cluster(number);
  }
  guarantees.fleet_changed(fleet, jobs, on_node);
}

void State::refresh_mix() {
  auto now = signatures.mix();
  if (now == mix) return;
  mix = std::move(now);
  std::vector<TypicalRequest> typical;
  for (const auto& [signature, width] : mix)
    for (const Request& request : signatures.members(signature, fleet))
      if (is_valid(request)) typical.push_back({request, std::exp2(width)});
  placer.set_mix(typical);
}

StartFeatures State::features_of(const Job& job, std::optional<Millis> reserved) const {
  StartFeatures features;
  features.team = job.spec.team;
  features.gpus = static_cast<std::int64_t>(std::ceil(gpus_of(job)));
  features.reserved = reserved;
  features.jobs_ahead = std::max<std::int64_t>(static_cast<std::int64_t>(queued) - 1, 0);
  if (job.team < queued_of_team.size())
    features.team_jobs_ahead = std::max<std::int64_t>(queued_of_team[job.team] - 1, 0);
  return features;
}

void State::promise_starts(const Plan& plan, WallTime now) {
  if (fresh.empty()) return;
  std::map<JobId, WallTime> planned;
  for (const Start& start : plan.starts) planned.emplace(start.job, now);
  for (const Reservation& one : plan.reservations) planned.emplace(one.job, one.at);
  for (const JobIndex index : fresh) {
    const Job& job = jobs[index];
    const auto found = planned.find(job.spec.id);
    if (found != planned.end() && found->second <= now) continue;  // it does not wait
    std::optional<Millis> reserved;
    if (found != planned.end()) reserved = found->second - now;
    (void)estimator.promise(job.spec.id, features_of(job, reserved), now);
  }
  fresh.clear();
}

void State::count_preemptible(NodeIndex node) {
  auto& counts = preemptible[static_cast<std::size_t>(node)];
  counts = {};
  for (const JobIndex index : on_node[static_cast<std::size_t>(node)]) {
    const Job& job = jobs[index];
    if (job.protected_) continue;
    for (const Held& one : job.held)
      if (one.grant.node == node)
        counts[static_cast<std::size_t>(job.spec.priority_class)] +=
            std::popcount(one.grant.devices);
  }
}

void State::attach(JobIndex index) {
  Job& job = jobs[index];
  job.held = fleet.take(job.spec, job.placement);
  for (const Held& one : job.held) {
    auto& here = on_node[static_cast<std::size_t>(one.grant.node)];
    if (here.empty() || here.back() != index) here.push_back(index);
    releases.touch(one.grant.node);
    count_preemptible(one.grant.node);
  }
}

void State::detach(JobIndex index) {
  Job& job = jobs[index];
  for (const Held& one : job.held) fleet.give(one);
  for (const Held& one : job.held) {
    std::erase(on_node[static_cast<std::size_t>(one.grant.node)], index);
    releases.touch(one.grant.node);
    retake(one.grant.node);
    count_preemptible(one.grant.node);
  }
  job.held.clear();
}

/// On a node that has shrunk jobs hold less than they asked for: what one leaves, the others get.
void State::retake(NodeIndex node) {
  std::vector<std::pair<JobSeq, Held*>> here;
  bool clipped = false;
  for (const JobIndex index : on_node[static_cast<std::size_t>(node)])
    for (Held& one : jobs[index].held)
      if (one.grant.node == node) {
        here.emplace_back(jobs[index].spec.seq, &one);
        clipped |= one.request != one.asked;
      }
  if (!clipped) return;
  std::ranges::stable_sort(here, {}, [](const auto& entry) { return entry.first; });
  for (const auto& [seq, held] : here) fleet.give(*held);
  for (const auto& [seq, held] : here) fleet.take(*held);
}

bool State::is_aged(const Job& job, WallTime now) const {
  return job.is_gang && now - job.spec.queued_at >= options.age_limit;
}

bool State::has_waited(const Job& job, WallTime now) const {
  return job.needs_nodes && !job.has_private_cluster &&
         now - job.spec.queued_at >= options.age_limit;
}

std::optional<int> State::lifted_from(const Job& job, WallTime now) const {
  if (job.is_gang || job.has_private_cluster || now - job.spec.queued_at < options.age_limit)
    return std::nullopt;
  return JobQueue::band_of(job);
}

bool State::wants_guarantee(const Job& job) const {
  return guarantees.has_cells(job.team) &&
         job.spec.priority_class != protocol::PriorityClass::idle && gpus_of(job) > 0;
}

void State::join_private_cluster(JobIndex index) {
  Job& job = jobs[index];
  if (!wants_guarantee(job)) return;
  VirtualCluster& cluster = *guarantees.cluster(job.team);
  auto members = guarantees.members(signatures.members(job.signature, fleet), fleet);
  if (!cluster.could_hold(members)) return;
  job.has_private_cluster = true;
  jobs.remember_seq(index);
  cluster.add(job.spec.seq, static_cast<int>(job.spec.priority_class), std::move(members));
}

void State::rebuild_private_cluster(std::size_t team) {
  std::vector<JobIndex> of_team;
  jobs.for_each([&](JobIndex index, const Job& job) {
    if (job.team == team && !job.spec.start_at && !job.held_back) of_team.push_back(index);
  });
  for (const JobIndex index : of_team) {
    Job& job = jobs[index];
    if (job.entitled && !job.placed) {
      std::erase(entitled, index);
      queue.add(index, job);
    }
    job.entitled = false;
    job.protected_ = false;
    job.has_private_cluster = false;
    std::erase(misplaced, index);
    join_private_cluster(index);
  }
}

void State::enqueue(JobIndex index) {
  Job& job = jobs[index];
  join_private_cluster(index);
  const VirtualCluster* cluster = guarantees.cluster(job.team);
  job.entitled = cluster != nullptr && cluster->holds(job.spec.seq);
  if (job.entitled)
    entitled.push_back(index);
  else
    queue.add(index, job);
}

void State::dequeue(JobIndex index) {
  const Job& job = jobs[index];
  if (job.held_back) return;
  if (future.erase({job.spec.start_at.value_or(WallTime{}), job.spec.seq}) > 0) return;
  if (std::erase(due, index) > 0) return;
  if (!job.entitled) return queue.remove(index, job);
  std::erase(entitled, index);
}

}  // namespace galley::scheduler
