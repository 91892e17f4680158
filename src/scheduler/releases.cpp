#include "releases.h"

#include <algorithm>
#include <bit>

namespace galley::scheduler {
namespace {

constexpr Millis kUnknownRuntime = std::chrono::minutes(10);

}  // namespace

Millis length_of(const Job& job) {
  return std::max(job.spec.runtime ? job.spec.runtime->typical : kUnknownRuntime, Millis{1'000});
}

WallTime expected_end(const Job& job, WallTime now) {
  Millis length = length_of(job);
  if (job.seen_end)
    length =
        std::max(std::chrono::duration_cast<Millis>(*job.seen_end - job.placed_at), Millis{1'000});
  while (job.placed_at + length <= now) length += length / 2;
  return job.placed_at + length;
}

void Releases::reset(std::size_t nodes) { nodes_.assign(nodes, {}); }

void Releases::work_out(NodeIndex node, const Pool& pool, const Jobs& jobs,
                        const std::vector<JobIndex>& on_node, WallTime now) {
  Node& known = nodes_[static_cast<std::size_t>(node)];
  known.fresh = true;
  known.valid_until = WallTime::max();
  known.when.assign(static_cast<std::size_t>(pool.free_gpus(node)), WallTime::min());
  if (!pool.is_open(node)) known.when.clear();
  std::vector<std::pair<WallTime, JobIndex>> ends;
  for (const JobIndex index : on_node) {
    const WallTime end = jobs[index].stopping ? now : expected_end(jobs[index], now);
    if (end > now) known.valid_until = std::min(known.valid_until, end);
    ends.emplace_back(end, index);
  }
  std::ranges::sort(ends);
  // A device is free once the last of the jobs that share it has ended.
  DeviceSet held = 0;
  for (const JobIndex index : on_node)
    for (const Held& one : jobs[index].held)
      if (one.grant.node == node) held |= one.grant.devices;
  held &= pool.in_service(node);
  std::vector<std::pair<WallTime, DeviceSet>> freed;
  for (auto end = ends.rbegin(); end != ends.rend(); ++end)
    for (const Held& one : jobs[end->second].held)
      if (one.grant.node == node && (one.grant.devices & held) != 0) {
        freed.emplace_back(end->first, one.grant.devices & held);
        held &= ~one.grant.devices;
      }
  std::ranges::reverse(freed);
  for (const auto& [at, devices] : freed)
    known.when.insert(known.when.end(), static_cast<std::size_t>(std::popcount(devices)), at);
}

std::optional<WallTime> Releases::when_free(NodeIndex node, int gpus, const Pool& pool,
                                            const Jobs& jobs, const std::vector<JobIndex>& on_node,
                                            WallTime now) {
  Node& known = nodes_[static_cast<std::size_t>(node)];
  if (!known.fresh || known.valid_until <= now) work_out(node, pool, jobs, on_node, now);
  if (static_cast<std::size_t>(gpus) > known.when.size()) return std::nullopt;
  if (gpus == 0) return now;
  return std::max(now, known.when[static_cast<std::size_t>(gpus) - 1]);
}

}  // namespace galley::scheduler
