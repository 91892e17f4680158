// Placer::choose_gang: all members or none, in as few zones as can be.
#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>

#include "base/result.h"
#include "scores.h"

namespace galley::scheduler {
namespace {

/// Zones that are planned to the end before the cheapest is taken; of more, the fullest.
constexpr std::size_t kMostZonesTried = 4;

struct Zone {
  std::vector<NodeIndex> nodes;
  std::size_t room = 0;  // nodes that hold the gang's largest member
};

/// Levels by which two paths of zones differ.
std::size_t distance(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto common = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  return std::max(a.size(), b.size()) - common;
}

}  // namespace

class Placer::Gang {
 public:
  Gang(const Pool& pool, Scores& scores, std::span<const Request> members,
       std::span<const float> delay_s)
      : pool_(pool), scores_(scores), members_(members), delay_s_(delay_s) {}

  std::optional<std::vector<Choice>> choose() {
    // The largest first, equal ones together; among equals the order of `members`.
    std::vector<std::size_t> order(members_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [this](std::size_t a, std::size_t b) {
      return size(members_[a]) > size(members_[b]);
    });
    if (!has_room(order)) return std::nullopt;

    const auto nodes = useful_nodes(order);
    const auto plan = plan_in(nodes, 0, order);

    std::vector<std::optional<Choice>> choices(members_.size());
    for (const auto& [member, rank] : plan)
      choices[member] =
          scores_.choice(pool_, scores_.kind(pool_, members_[member]), rank, delay_s_);
    if (plan.size() < members_.size() && !double_up(order, choices)) return std::nullopt;
    return with_spread(choices);
  }

 private:
  struct Planned {
    std::size_t member = 0;
    Rank rank;
  };
  using Size =
      std::tuple<int, int, std::int64_t, std::int64_t, std::int64_t, std::vector<ModelIndex>>;

  static Size size(const Request& request) {
    return {request.gpus,       request.gpu_milli,      request.cpu_milli,
            request.memory_mib, request.gpu_memory_mib, request.models};
  }

  /// False when some kind of member has too little room, even with several on a node.
  bool has_room(std::span<const std::size_t> order) {
    for (std::size_t first = 0; first < order.size();) {
      const Request& request = members_[order[first]];
      auto last = first;
      while (last < order.size() && members_[order[last]] == request) ++last;
      const auto wanted = static_cast<std::int64_t>(last - first);
      std::int64_t room = 0;
      for (auto bucket = least_bucket(request); bucket < Pool::kBuckets && room < wanted; ++bucket)
        for (auto group = pool_.first_group(bucket); group != kNoGroup && room < wanted;
             group = pool_.group(group).next)
          room += pool_.group(group).nodes * scores_.holds(pool_, request, group, wanted);
      if (room < wanted) return false;
      first = last;
    }
    return true;
  }

  /// The nodes that hold at least one of the members.
  std::vector<NodeIndex> useful_nodes(std::span<const std::size_t> order) {
    std::vector<NodeIndex> useful;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Request& request = members_[order[i]];
      if (i > 0 && request == members_[order[i - 1]]) continue;
      for (const auto& rank : scores_.rank_all(pool_, scores_.kind(pool_, request), {}))
        useful.push_back(rank.node);
    }
    std::ranges::sort(useful);
    useful.erase(std::ranges::unique(useful).begin(), useful.end());
    return useful;
  }

  /// The zones below that depth, in the order of their first nodes.
  std::vector<Zone> zones_of(std::span<const NodeIndex> nodes, std::size_t depth,
                             const Request& largest) {
    std::map<std::string, std::size_t> known;
    std::vector<Zone> zones;
    auto& kind = scores_.kind(pool_, largest);
    for (const auto node : nodes) {
      const auto& path = pool_.zone(node);
      const auto [found, added] =
          known.try_emplace(depth < path.size() ? path[depth] : std::string(), zones.size());
      if (added) zones.emplace_back();
      zones[found->second].nodes.push_back(node);
    }
    for (auto& zone : zones) zone.room = scores_.rank(pool_, kind, {}, zone.nodes).size();
    return zones;
  }

  bool deepest(std::span<const NodeIndex> nodes, std::size_t depth) const {
    return std::ranges::all_of(nodes,
                               [&](NodeIndex node) { return pool_.zone(node).size() <= depth; });
  }

  /// As many of the members as fit, each on a node of its own.
  std::vector<Planned> plan_in(std::span<const NodeIndex> nodes, std::size_t depth,
                               std::span<const std::size_t> order) {
    if (order.empty()) return {};
    if (deepest(nodes, depth)) return on_own_nodes(nodes, order);

    auto zones = zones_of(nodes, depth, members_[order.front()]);
    std::vector<Planned> plan;
    std::vector<bool> tried(zones.size(), false);
    std::vector<std::size_t> rest(order.begin(), order.end());
    while (!rest.empty()) {
      if (auto whole = in_one_zone(zones, tried, depth, rest)) {
        plan.insert(plan.end(), whole->begin(), whole->end());
        return plan;
      }
      std::size_t largest = zones.size();
      for (std::size_t z = 0; z < zones.size(); ++z)
        if (!tried[z] && zones[z].room > 0 &&
            (largest == zones.size() || zones[z].room > zones[largest].room))
          largest = z;
      if (largest == zones.size()) break;
      tried[largest] = true;
      for (const auto& planned : plan_in(zones[largest].nodes, depth + 1, rest)) {
        plan.push_back(planned);
        std::erase(rest, planned.member);
      }
    }
    return plan;
  }

  /// The cheapest plan of those for the few zones that hold all of them and the least besides.
  std::optional<std::vector<Planned>> in_one_zone(std::span<const Zone> zones,
                                                  const std::vector<bool>& tried, std::size_t depth,
                                                  std::span<const std::size_t> order) {
    std::vector<std::size_t> roomy;
    for (std::size_t z = 0; z < zones.size(); ++z)
      if (!tried[z] && zones[z].room >= order.size()) roomy.push_back(z);
    std::ranges::stable_sort(roomy, {}, [&](std::size_t z) { return zones[z].room; });
    if (roomy.size() > kMostZonesTried) roomy.resize(kMostZonesTried);
    std::optional<std::vector<Planned>> best;
    std::int64_t least_us = 0;
    for (const auto z : roomy) {
      auto plan = plan_in(zones[z].nodes, depth + 1, order);
      if (plan.size() < order.size()) continue;
      std::int64_t total_us = 0;
      for (const auto& planned : plan) total_us += planned.rank.total_us;
      if (best && total_us >= least_us) continue;
      best = std::move(plan);
      least_us = total_us;
    }
    return best;
  }

  std::vector<Planned> on_own_nodes(std::span<const NodeIndex> nodes,
                                    std::span<const std::size_t> order) {
    std::vector<Planned> plan;
    std::vector<NodeIndex> unused(nodes.begin(), nodes.end());
    for (std::size_t first = 0; first < order.size();) {
      const Request& request = members_[order[first]];
      auto last = first;
      while (last < order.size() && members_[order[last]] == request) ++last;
      // Members on nodes of their own do not touch each other's scores: the best few will do.
      auto ranks = scores_.rank(pool_, scores_.kind(pool_, request), delay_s_, unused);
      const auto count = std::min(last - first, ranks.size());
      std::ranges::partial_sort(ranks, ranks.begin() + static_cast<std::ptrdiff_t>(count));
      std::vector<NodeIndex> taken;
      for (std::size_t i = 0; i < count; ++i) {
        plan.push_back({order[first + i], ranks[i]});
        taken.push_back(ranks[i].node);
      }
      std::ranges::sort(taken);
      std::erase_if(unused,
                    [&](NodeIndex node) { return std::ranges::binary_search(taken, node); });
      first = last;
    }
    return plan;
  }

  /// Places those that found no node of their own beside the others, in zones in use if it can be.
  bool double_up(std::span<const std::size_t> order, std::vector<std::optional<Choice>>& choices) {
    Pool rest = pool_;
    for (std::size_t member = 0; member < choices.size(); ++member)
      if (choices[member]) rest.take(members_[member], choices[member]->grant);
    for (const auto member : order) {
      if (choices[member]) continue;
      scores_.attend(rest);  // taking may have renewed the copy's states
      auto& kind = scores_.kind(rest, members_[member]);
      auto ranks = scores_.rank_all(rest, kind, delay_s_);
      if (ranks.empty()) return false;
      const auto better = [&](const Rank& a, const Rank& b) {
        const auto far_a = nearest(choices, a.node);
        const auto far_b = nearest(choices, b.node);
        return far_a != far_b ? far_a < far_b : a < b;
      };
      const auto best = *std::ranges::min_element(ranks, better);
      choices[member] = scores_.choice(rest, kind, best, delay_s_);
      rest.take(members_[member], choices[member]->grant);
    }
    return true;
  }

  /// Levels to the nearest member that has a place; 0 when none has.
  std::size_t nearest(std::span<const std::optional<Choice>> choices, NodeIndex node) const {
    std::optional<std::size_t> levels;
    for (const auto& choice : choices) {
      if (!choice) continue;
      const auto away = distance(pool_.zone(choice->grant.node), pool_.zone(node));
      levels = levels ? std::min(*levels, away) : away;
    }
    return levels.value_or(0);
  }

  std::vector<Choice> with_spread(std::span<const std::optional<Choice>> choices) const {
    std::vector<Choice> placed;
    for (std::size_t member = 0; member < choices.size(); ++member) {
      auto choice = *choices[member];
      choice.terms.spread_s =
          scores_.prices.zone_s *
          static_cast<double>(nearest(choices.subspan(0, member), choice.grant.node));
      placed.push_back(choice);
    }
    return placed;
  }

  const Pool& pool_;
  Scores& scores_;
  std::span<const Request> members_;
  std::span<const float> delay_s_;
};

std::optional<std::vector<Choice>> Placer::choose_gang(const Pool& pool,
                                                       std::span<const Request> members,
                                                       std::span<const float> delay_s) const {
  for (const auto& member : members) GALLEY_CHECK(is_valid(member), "an invalid request to place");
  GALLEY_CHECK(delay_s.empty() || delay_s.size() == pool.node_count(),
               "delays of another number of nodes");
  if (members.empty()) return std::vector<Choice>{};
  if (members.size() == 1) {
    const auto choice = choose(pool, members.front(), delay_s);
    if (!choice) return std::nullopt;
    return std::vector{*choice};
  }
  scores_->attend(pool);
  return Gang(pool, *scores_, members, delay_s).choose();
}

}  // namespace galley::scheduler
