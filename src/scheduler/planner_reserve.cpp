#include <algorithm>
#include <bit>

#include "planner.h"

namespace galley::scheduler {
namespace {

/// When nothing that is known will make room: on a node as it is, and behind reservations.
constexpr Millis kFarAway = std::chrono::hours(24);
constexpr Millis kBehindReservations = std::chrono::hours(1);
/// Kinds of members that a pass works out times for: each costs a look at the whole fleet.
constexpr std::size_t kMostKinds = 8;

}  // namespace

/// When the request fits, from the expected ends of what runs on the node, leaving out what is
/// reserved there already. Nothing: not with what is known.
std::optional<WallTime> Planner::when_fits(NodeIndex node, const Request& request) const {
  Pool later = pool_;
  if (later.fits(node, request)) return now_;
  std::vector<std::pair<WallTime, JobIndex>> ends;
  for (const JobIndex index : state_.on_node[static_cast<std::size_t>(node)])
    ends.emplace_back(state_.jobs[index].stopping ? now_ : expected_end(state_.jobs[index], now_),
                      index);
  std::ranges::sort(ends);
  for (const auto& [end, index] : ends) {
    for (const Held& held : state_.jobs[index].held)
      if (held.grant.node == node) later.give(held.request, held.grant);
    if (later.fits(node, request)) return end;
  }
  return now_ + kFarAway;
}

std::optional<WallTime> Planner::when(NodeIndex node, const Request& request) {
  const Pool& pool = state_.fleet.pool();
  const auto n = static_cast<std::size_t>(node);
  if (!pool.is_open(node) || !pool.could_fit(node, request)) return std::nullopt;
  if (request.gpus == 0 || request.is_share()) return when_fits(node, request);
  return state_.releases
      .when_free(node, request.gpus + reserved_[n], pool, state_.jobs, state_.on_node[n], now_)
      // Behind what is reserved there already.
      .value_or(std::max(now_ + kBehindReservations, reserved_until_[n]));
}

std::optional<std::pair<WallTime, std::vector<NodeIndex>>> Planner::earliest(
    const std::vector<Request>& members) {
  WallTime latest = now_;
  std::vector<NodeIndex> nodes;
  for (const Request& request : members) {
    auto known = std::ranges::find(soonest_, request, &Soonest::request);
    if (known == soonest_.end()) {
      if (soonest_.size() >= kMostKinds) return std::nullopt;
      // A first guess by count of GPUs alone: the rest is looked at when a node comes up.
      Soonest fresh{request, {}};
      fresh.heap.reserve(state_.fleet.size());
      const Pool& pool = state_.fleet.pool();
      for (std::uint32_t i = 0; i < state_.fleet.size(); ++i) {
        const auto node = static_cast<NodeIndex>(i);
        if (!pool.is_open(node) || pool.gpu_count(node) < request.gpus) continue;
        const auto at = request.gpus == 0 || request.is_share()
                            ? std::optional(now_)
                            : state_.releases.when_free(node, request.gpus + reserved_[i], pool,
                                                        state_.jobs, state_.on_node[i], now_);
        fresh.heap.emplace_back(at.value_or(now_), i);
      }
      std::ranges::make_heap(fresh.heap, std::greater<>{});
      soonest_.push_back(std::move(fresh));
      known = std::prev(soonest_.end());
    }
    auto& heap = known->heap;
    std::vector<std::pair<WallTime, std::uint32_t>> passed;  // nodes of this gang's other members
    std::optional<std::pair<WallTime, std::uint32_t>> found;
    while (!heap.empty() && !found) {
      std::ranges::pop_heap(heap, std::greater<>{});
      auto entry = heap.back();
      heap.pop_back();
      if (std::ranges::find(nodes, static_cast<NodeIndex>(entry.second)) != nodes.end()) {
        passed.push_back(entry);
        continue;
      }
      const auto at = when(static_cast<NodeIndex>(entry.second), request);
      if (!at) continue;
      if (*at > entry.first) {
        heap.emplace_back(*at, entry.second);
        std::ranges::push_heap(heap, std::greater<>{});
        continue;
      }
      found = entry;
    }
    if (found) passed.push_back(*found);
    for (const auto& entry : passed) {
      heap.push_back(entry);
      std::ranges::push_heap(heap, std::greater<>{});
    }
    if (!found) return std::nullopt;
    nodes.push_back(static_cast<NodeIndex>(found->second));
    latest = std::max(latest, found->first);
  }
  return std::pair(latest, std::move(nodes));
}

void Planner::keep(Hold& hold) {
  hold.kept = hold.wanted;
  hold.kept.cpu_milli = std::min(hold.wanted.cpu_milli, pool_.cpu_free_milli(hold.node));
  hold.kept.memory_mib = std::min(hold.wanted.memory_mib, pool_.memory_free_mib(hold.node));
  hold.grant = {hold.node, 0};
  hold.kept.gpus = 0;
  hold.kept.gpu_milli = kWholeGpuMilli;
  hold.kept.gpu_memory_mib = 0;
  hold.kept.models.clear();
  if (pool_.is_open(hold.node)) {
    const DeviceSet free = pool_.free_devices(hold.node) & hold.allowed;
    const int gpus = std::min(hold.wanted.is_share() ? 0 : hold.wanted.gpus, std::popcount(free));
    if (gpus > 0) {
      hold.grant.devices = pool_.choose_cells(hold.node, gpus, free);
      hold.kept.gpus = gpus;
    }
  }
  pool_.take(hold.kept, hold.grant);
}

void Planner::hold(Hold hold) {
  keep(hold);
  count_reserved(hold.node, hold.wanted.gpus, {});
  kept_gpus_ += hold.kept.gpus;
  holds_.push_back(std::move(hold));
}

std::optional<std::vector<NodeIndex>> Planner::fullest_of_free(
    const std::vector<Request>& members) const {
  std::vector<NodeIndex> nodes;
  for (const Request& request : members) {
    std::optional<NodeIndex> best;
    for (std::size_t i = 0; i < state_.fleet.size(); ++i) {
      const auto node = static_cast<NodeIndex>(i);
      if (std::ranges::find(nodes, node) != nodes.end() || !pool_.is_open(node) ||
          !pool_.could_fit(node, request))
        continue;
      if (!best || pool_.free_gpus(node) > pool_.free_gpus(*best)) best = node;
    }
    if (!best) return std::nullopt;
    nodes.push_back(*best);
  }
  return nodes;
}

void Planner::reserve(JobIndex index, const std::vector<Request>& members) {
  auto when = earliest(members);
  if (!when) return;
  Reservation reservation{state_.jobs[index].spec.id, when->first, {}};
  // Expected ends are guesses, and what is kept idle for a time that does not come is wasted. So
  // GPUs are kept for a job only while it should start soon, measured by its own length, and for
  // more than one job only up to the limit. A job past the age limit is served whatever it costs.
  const Job& job = state_.jobs[index];
  const bool soon = when->first - now_ <= std::min(length_of(job), kLongestKeeping);
  const bool waited =
      state_.has_waited(job, now_) && (job.is_gang ? aged_gpus_ : aged_node_gpus_) < aged_limit_;
  bool& keeps_already = waited ? keeps_for_waited_ : keeps_for_queue_;
  const bool keeps = (soon || waited) && (kept_gpus_ < keep_limit_ || !keeps_already);
  keeps_already |= keeps;
  if (keeps && waited)
    if (auto nodes = fullest_of_free(members)) when->second = *std::move(nodes);
  for (std::size_t i = 0; i < members.size(); ++i) {
    const NodeIndex node = when->second[i];
    if (keeps) hold({.node = node, .until = when->first, .wanted = members[i]});
    count_reserved(node, keeps ? 0 : members[i].gpus, when->first + length_of(job));
    reservation.nodes.push_back(state_.fleet.offer(node).id);
  }
  plan_.reservations.push_back(std::move(reservation));
}

/// The first gap behind all that is reserved.
std::optional<WallTime> Planner::gap_for(const std::vector<Request>& members) {
  if (soonest_.size() >= kMostKinds) soonest_.clear();
  const auto when = earliest(members);
  if (!when) return std::nullopt;
  return when->first;
}

/// The time that the waiting jobs of its class and above take when all GPUs work on them.
Millis Planner::backlog_before(const Job& job) const {
  double gpu_s = 0;
  for (std::size_t i = 0; i <= static_cast<std::size_t>(job.spec.priority_class); ++i)
    gpu_s += state_.queued_gpu_s[i];
  gpu_s -= queued_work(job);
  return Millis{
      static_cast<std::int64_t>(1e3 * std::max(0.0, gpu_s) / std::max(1, gpus_in_service_))};
}

/// What is kept for a blocked job may be used meanwhile by a job that will be gone by then.
bool Planner::backfill(JobIndex index, const std::vector<Request>& members) {
  const Job& job = state_.jobs[index];
  if (!job.spec.runtime || members.size() != 1 || holds_.empty()) return false;
  const WallTime end = now_ + job.spec.runtime->long_one;
  for (std::size_t i = 0; i < holds_.size(); ++i) {
    const NodeIndex node = holds_[i].node;
    if (holds_[i].until < end || !pool_.could_fit(node, members.front())) continue;
    std::vector<Hold*> lent;
    for (Hold& hold : holds_)
      if (hold.node == node && hold.until >= end) {
        pool_.give(hold.kept, hold.grant);
        lent.push_back(&hold);
      }
    const bool fits = pool_.fits(node, members.front());
    if (fits)
      start(index, {Choice{{node, pool_.choose_devices(node, members.front())}, {}}},
            Standing::borrowed);
    for (Hold* hold : lent) keep(*hold);
    if (fits) return true;
  }
  return false;
}

}  // namespace galley::scheduler
