#include "outside_queue.h"

#include <algorithm>

namespace galley::controller {

bool OutsideQueue::apply(const scheduler::ClusterEvent& event) {
  if (const auto* up = std::get_if<scheduler::NodeUp>(&event)) {
    if (!up->offer.is_door) return false;
    known_.insert(up->offer.id);
    if (up->offer.open)
      doors_.insert(up->offer.id);
    else
      doors_.erase(up->offer.id);
    return true;
  }
  if (const auto* down = std::get_if<scheduler::NodeDown>(&event)) {
    doors_.erase(down->node);
    return known_.erase(down->node) > 0;
  }
  if (const auto* queued = std::get_if<scheduler::JobQueued>(&event)) {
    if (!queued->job.goes_outside) return false;
    if (!placed_.contains(queued->job.id)) waiting_.insert_or_assign(queued->job.id, queued->job);
    return true;
  }
  if (const auto* placed = std::get_if<scheduler::JobPlaced>(&event)) {
    if (!placed->job.goes_outside) return false;
    waiting_.erase(placed->job.id);
    placed_.insert_or_assign(placed->job.id, placed->placement.shares.front().node);
    return true;
  }
  if (const auto* stopping = std::get_if<scheduler::JobStopping>(&event))
    return placed_.contains(stopping->job);
  if (const auto* gone = std::get_if<scheduler::JobGone>(&event))
    return waiting_.erase(gone->job) + placed_.erase(gone->job) > 0;
  return false;
}

std::vector<OutsideQueue::Start> OutsideQueue::decide(WallTime now) const {
  std::vector<Start> starts;
  if (doors_.empty() || waiting_.empty()) return starts;
  std::map<NodeId, std::size_t> behind;
  for (const NodeId& door : doors_) behind[door] = 0;
  for (const auto& [job, door] : placed_)
    if (const auto found = behind.find(door); found != behind.end()) ++found->second;
  std::vector<const scheduler::QueuedJob*> order;
  for (const auto& [id, job] : waiting_)
    if (!job.start_at || *job.start_at <= now) order.push_back(&job);
  std::ranges::sort(order, {}, [](const scheduler::QueuedJob* job) {
    return std::tuple(job->priority_class, job->seq);
  });
  for (const scheduler::QueuedJob* job : order) {
    const auto emptiest =
        std::ranges::min_element(behind, {}, [](const auto& entry) { return entry.second; });
    if (emptiest->second >= kMostBehindADoor) break;
    ++emptiest->second;
    starts.push_back({*job, emptiest->first});
  }
  return starts;
}

std::optional<WallTime> OutsideQueue::wake_at(WallTime now) const {
  std::optional<WallTime> first;
  for (const auto& [id, job] : waiting_)
    if (job.start_at && *job.start_at > now && (!first || *job.start_at < *first))
      first = job.start_at;
  return first;
}

}  // namespace galley::controller
