#include "scheduler/placer.h"

#include <algorithm>
#include <tuple>

#include "base/result.h"
#include "scores.h"

namespace galley::scheduler {
namespace {

void check(const Pool& pool, const Request& request, std::span<const float> delay_s) {
  GALLEY_CHECK(is_valid(request), "an invalid request to place");
  GALLEY_CHECK(delay_s.empty() || delay_s.size() == pool.node_count(),
               "delays of another number of nodes");
}

}  // namespace

Placer::Placer(const Prices& prices) : scores_(std::make_unique<Scores>(prices)) {}
Placer::~Placer() = default;
Placer::Placer(Placer&&) noexcept = default;
Placer& Placer::operator=(Placer&&) noexcept = default;

void Placer::set_mix(std::span<const TypicalRequest> mix) { scores_->set_mix(mix); }

std::optional<Choice> Placer::choose(const Pool& pool, const Request& request,
                                     std::span<const float> delay_s) const {
  check(pool, request, delay_s);
  const auto least = least_bucket(request);
  const auto highest = pool.highest_bucket();
  if (highest < least) return std::nullopt;
  scores_->attend(pool);
  auto& kind = scores_->kind(pool, request);
  if (!delay_s.empty()) {
    const auto best = scores_->best(pool, kind, delay_s);
    if (!best) return std::nullopt;
    return scores_->choice(pool, kind, *best, delay_s);
  }

  // Without delays the nodes of a group differ in nothing, so that the first of the best group is
  // the best node.
  std::optional<Rank> best;
  for (auto bucket = least; bucket <= highest; ++bucket)
    for (auto index = pool.first_group(bucket); index != kNoGroup; index = pool.group(index).next) {
      const auto& known = scores_->score(pool, kind, index);
      if (known.fragmentation_us == Scores::kNever ||
          (best && known.fragmentation_us > best->total_us))
        continue;
      const auto& group = pool.group(index);
      Rank rank{.total_us = known.fragmentation_us,
                .idle_milli = scores_->idle_milli(pool, group.gpus),
                .cpu_milli = group.cpu_free_milli,
                .memory_mib = group.memory_free_mib,
                .node = best ? best->node : NodeIndex{}};
      if (best && rank > *best) continue;
      rank.node = pool.lowest_node(index);
      if (!best || rank < *best) best = rank;
    }
  if (!best) return std::nullopt;
  return scores_->choice(pool, kind, *best, delay_s);
}

std::vector<Choice> Placer::candidates(const Pool& pool, const Request& request, std::size_t count,
                                       std::span<const float> delay_s) const {
  check(pool, request, delay_s);
  scores_->attend(pool);
  auto& kind = scores_->kind(pool, request);
  auto ranks = scores_->rank_all(pool, kind, delay_s);
  count = std::min(count, ranks.size());
  std::ranges::partial_sort(ranks, ranks.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<Choice> choices;
  for (std::size_t i = 0; i < count; ++i)
    choices.push_back(scores_->choice(pool, kind, ranks[i], delay_s));
  return choices;
}

}  // namespace galley::scheduler
