#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "fragmentation.h"
#include "scheduler/placer.h"
#include "scheduler/pool.h"

namespace galley::scheduler {

/// What a node would cost and how it ranks: the order in which candidates are preferred.
struct Rank {
  std::int64_t total_us = 0;
  std::int64_t idle_milli = 0;
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  NodeIndex node{};
  auto operator<=>(const Rank&) const = default;
};

/// The remembered scores behind a Placer: for each kind of request, one for each group of nodes of
/// the pool asked about last. An entry names the state that it was computed for, so that copies and
/// later states of a pool find what is still true and nothing else.
class Placer::Scores {
 public:
  /// Microseconds, so that equal costs are equal whatever order sums were made in.
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  struct Score {
    GpuStateId gpus{0xffffffff};
    std::uint32_t option = 0;
    std::int64_t cpu_free_milli = -1;
    std::int64_t memory_free_mib = -1;
    std::int64_t fragmentation_us = kNever;  // kNever: does not fit
  };
  struct Kind {
    Request request;
    std::vector<Score> of_group;
  };

  explicit Scores(const Prices& chosen) : prices(chosen) {}

  void set_mix(std::span<const TypicalRequest> mix);
  /// Binds the scores to the pool's states; to be called before anything else is asked about it.
  void attend(const Pool& pool);
  /// The scores of that kind of request, enough of them for the pool's groups. Valid until attend.
  Kind& kind(const Pool& pool, const Request& request);
  const Score& score(const Pool& pool, Kind& kind, GroupIndex group);
  std::int64_t idle_milli(const Pool& pool, GpuStateId gpus) {
    return state(pool, gpus).idle_milli;
  }
  /// How many such requests nodes of the group hold, up to `most`.
  std::int64_t holds(const Pool& pool, const Request& request, GroupIndex group, std::int64_t most);
  /// The devices of that node which the scored option takes.
  DeviceSet devices(const Pool& pool, Kind& kind, NodeIndex node);
  /// The first in rank of all nodes that fit.
  std::optional<Rank> best(const Pool& pool, Kind& kind, std::span<const float> delay_s);
  /// The rank of each of the nodes that fit. An empty `delay_s` means none.
  std::vector<Rank> rank(const Pool& pool, Kind& kind, std::span<const float> delay_s,
                         std::span<const NodeIndex> nodes);
  std::vector<Rank> rank_all(const Pool& pool, Kind& kind, std::span<const float> delay_s);
  Choice choice(const Pool& pool, Kind& kind, const Rank& rank, std::span<const float> delay_s);

  const Prices prices;

 private:
  struct State {
    bool known = false;
    Fragmentation::Profile profile = 0;
    std::int64_t idle_milli = 0;
    std::vector<std::uint8_t> cells;
    Abilities abilities = 0;
  };
  struct RequestHash {
    std::size_t operator()(const Request& request) const;
  };

  const State& state(const Pool& pool, GpuStateId gpus);
  /// Nothing where the request does not fit or costs more than `most_us`.
  std::optional<Rank> rank_of(const Pool& pool, Kind& kind, std::span<const float> delay_s,
                              NodeIndex node, std::int64_t most_us);
  Score compute(const Pool& pool, const Request& request, const Pool::Group& group);
  void forget();

  Fragmentation fragmentation_;
  std::shared_ptr<const void> lineage_;
  std::vector<State> states_;  // by GpuStateId
  std::deque<Kind> kinds_;
  std::unordered_map<Request, std::size_t, RequestHash> kind_of_;
  std::size_t scores_ = 0;  // over all kinds
};

/// The lowest bucket of Pool's groups where the request could fit.
std::size_t least_bucket(const Request& request);

}  // namespace galley::scheduler
