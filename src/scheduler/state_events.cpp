#include <algorithm>
#include <tuple>

#include "state.h"

namespace galley::scheduler {

double queued_work(const Job& job) {
  return gpus_of(job) * static_cast<double>(length_of(job).count()) / 1e3;
}

void State::count_waiting(const Job& job, int change) {
  if (change > 0)
    ++queued;
  else
    --queued;
  if (queued_of_team.size() <= job.team) queued_of_team.resize(job.team + 1);
  queued_of_team[job.team] += change;
  queued_gpu_s[static_cast<std::size_t>(job.spec.priority_class)] += change * queued_work(job);
  if (job.spec.resources.gpus == 0) queued_without_gpus += change;
}

void State::count_by_age(const Job& job, int change) {
  const double gpus = change * gpus_of(job);
  if (job.by_age) aged_gpus += gpus;
  if (!job.lifted_from) return;
  lifted_gpus[static_cast<std::size_t>(*job.lifted_from)] += gpus;
  if (job.needs_nodes) aged_node_gpus += gpus;
}

void State::set_node(const NodeOffer& offer) {
  fleet.set(offer);
  if (!fleet.is_numbered()) return;
  if (const auto node = fleet.find(offer.id);
      node && static_cast<std::size_t>(*node) < on_node.size()) {
    releases.touch(*node);
    if (guarantees.any()) guarantees.fleet_changed(fleet, jobs, on_node);
  }
}

void State::queue_job(const QueuedJob& job) {
  if (const auto known = jobs.find(job.id)) {
    if (jobs[*known].placed) return;  // told twice
    remove_job({job.id, job.queued_at});
  }
  const JobIndex index = jobs.add(job);
  Job& added = jobs[index];
  added.signature = signatures.add(job);
  added.team = shares.team(job.team);
  const auto& members = signatures.members(added.signature, fleet);
  added.is_gang = members.size() > 1;
  added.needs_nodes = added.is_gang || (members.front().gpus > 0 &&
                                        members.front().gpus >= fleet.most_gpus_of_a_node());
  count_waiting(added, 1);
  if (job.start_at) {
    jobs.remember_seq(index);
    future.insert({*job.start_at, job.seq});
    return;
  }
  fresh.push_back(index);
  line_up(index);
}

void State::line_up(JobIndex index) {
  Job& job = jobs[index];
  if (!quotas.bounds(job)) return let_in(index);
  job.held_back = true;
  quotas.wait(job, index, false);
  review_quota(job.spec.user);
}

void State::let_in(JobIndex index) {
  Job& job = jobs[index];
  job.held_back = false;
  if (!job.spec.start_at) return enqueue(index);
  due.push_back(index);
  std::ranges::sort(due, {}, [&](JobIndex one) {
    const QueuedJob& spec = jobs[one].spec;
    return std::tuple(spec.priority_class, *spec.start_at, spec.seq);
  });
}

void State::take_back(JobIndex index) {
  Job& job = jobs[index];
  dequeue(index);
  job.held_back = true;
  if (VirtualCluster* cluster = guarantees.cluster(job.team))
    cluster->remove(job.spec.seq, std::nullopt, {});
  if (job.entitled) guarantees.unbind_idle(job.team, jobs, on_node);
  job.entitled = false;
  job.has_private_cluster = false;
}

void State::review_quota(const std::string& user) {
  const UserQuotas::Change change = quotas.review(user);
  for (const JobIndex index : change.back) take_back(index);
  for (const JobIndex index : change.let_in) let_in(index);
}

void State::set_quota(const QuotaChanged& event) {
  std::vector<JobIndex> waiting;
  std::vector<JobIndex> placed;
  jobs.for_each([&](JobIndex index, const Job& job) {
    if (job.spec.user != event.user) return;
    if (job.placed)
      placed.push_back(index);
    else if (!future.contains({job.spec.start_at.value_or(WallTime{}), job.spec.seq}))
      waiting.push_back(index);
  });
  std::ranges::sort(waiting, {}, [&](JobIndex index) { return jobs[index].spec.seq; });
  quotas.set(event.user, std::nullopt);
  quotas.set(event.user, event.max_gpus);
  if (!event.max_gpus) {
    for (const JobIndex index : waiting)
      if (jobs[index].held_back) let_in(index);
    return;
  }
  for (const JobIndex index : placed)
    if (quotas.bounds(jobs[index])) quotas.hold(jobs[index], 1);
  for (const JobIndex index : waiting)
    if (quotas.bounds(jobs[index])) quotas.wait(jobs[index], index, !jobs[index].held_back);
  review_quota(event.user);
}

void State::place_job(const JobPlaced& event) {
  auto known = jobs.find(event.job.id);
  if (!known) {  // from the store, after a restart
    queue_job(event.job);
    known = jobs.find(event.job.id);
  }
  Job& job = jobs[*known];
  if (job.placed) return;
  dequeue(*known);
  job.held_back = false;
  count_waiting(job, -1);
  std::erase(fresh, *known);
  estimator.started(job.spec.id, job.spec.team, event.at);
  job.placed = true;
  job.placed_at = event.at;
  job.placement = event.placement;
  attach(*known);
  shares.hold(job.team, share_of(job), event.at);
  ++placed_of_class[static_cast<std::size_t>(job.spec.priority_class)];
  job.by_age = !job.entitled && is_aged(job, event.at);
  if (!job.entitled) job.lifted_from = lifted_from(job, event.at);
  count_by_age(job, 1);
  if (job.entitled && !guarantees.protect(job, *known, fleet)) misplaced.push_back(*known);
  if (!quotas.bounds(job)) return;
  quotas.leave(job, *known);
  quotas.hold(job, 1);
  review_quota(job.spec.user);
}

void State::expect_runtime(const RuntimeExpected& event) {
  const auto known = jobs.find(event.job);
  if (!known || jobs[*known].spec.runtime == event.runtime) return;
  Job& job = jobs[*known];
  if (job.placed) {
    count_by_age(job, -1);
    job.spec.runtime = event.runtime;
    if (job.lifted_from) job.lifted_from = JobQueue::band_of(job);
    count_by_age(job, 1);
    for (const Held& one : job.held) releases.touch(one.grant.node);
    return;
  }
  // Booked for a time: a length would make it a slot, which nobody asked for.
  if (job.spec.start_at) return;
  // Its place in the queue depends on it; in a private cluster it does not.
  const bool in_queue = !job.held_back && !job.entitled;
  if (in_queue) queue.remove(*known, job);
  count_waiting(job, -1);
  signatures.remove(job.signature);
  job.spec.runtime = event.runtime;
  job.signature = signatures.add(job.spec);
  count_waiting(job, 1);
  if (in_queue) queue.add(*known, job);
}

void State::expect_end(const EndExpected& event) {
  const auto known = jobs.find(event.job);
  if (!known || !jobs[*known].placed) return;
  jobs[*known].seen_end = event.at;
  for (const Held& one : jobs[*known].held) releases.touch(one.grant.node);
}

void State::stop_job(const JobId& id) {
  const auto index = jobs.find(id);
  if (!index || !jobs[*index].placed || jobs[*index].stopping) return;
  Job& job = jobs[*index];
  job.stopping = true;
  --placed_of_class[static_cast<std::size_t>(job.spec.priority_class)];
  std::erase(misplaced, *index);
  for (const Held& one : job.held) releases.touch(one.grant.node);
}

void State::remove_job(const JobGone& event) {
  const auto known = jobs.find(event.job);
  if (!known) return;
  const JobIndex index = *known;
  Job& job = jobs[index];
  const bool bounded = quotas.bounds(job);
  const std::string user = job.spec.user;
  if (VirtualCluster* cluster = guarantees.cluster(job.team))
    cluster->remove(job.spec.seq,
                    job.placed ? std::optional(job.placed_at - job.spec.done) : std::nullopt,
                    event.at);
  if (job.placed) {
    if (job.protected_) guarantees.released(index, job, jobs, on_node);
    detach(index);
    shares.hold(job.team, -share_of(job), event.at);
    count_by_age(job, -1);
    if (!job.stopping) --placed_of_class[static_cast<std::size_t>(job.spec.priority_class)];
    std::erase(misplaced, index);
  } else {
    dequeue(index);
    count_waiting(job, -1);
    std::erase(fresh, index);
    estimator.forget(job.spec.id);
    if (job.entitled) guarantees.unbind_idle(job.team, jobs, on_node);
  }
  if (bounded && job.placed) quotas.hold(job, -1);
  if (bounded && !job.placed) quotas.leave(job, index);
  signatures.remove(job.signature);
  jobs.remove(index);
  if (bounded) review_quota(user);
  // What it held may be what a team's lost cell was waiting for.
  if (guarantees.any_lost()) guarantees.fleet_changed(fleet, jobs, on_node);
}

void State::pass_time(WallTime now) {
  if (future.empty() || future.begin()->first > now) return;
  while (!future.empty() && future.begin()->first <= now) {
    const JobIndex index = *jobs.find(future.begin()->second);
    future.erase(future.begin());
    line_up(index);
  }
}

void State::set_team(const Team& team) {
  const std::size_t number = shares.team(team.name);
  shares.set_weight(number, team.weight);
  teams[team.name] = team;
  if (!guarantees.set_team(number, team.guarantees, fleet)) return;
  rebuild_private_cluster(number);
  guarantees.fleet_changed(fleet, jobs, on_node);
}

}  // namespace galley::scheduler
