#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "scheduler/pool.h"

namespace galley::scheduler {

/// A kind of request and how common it is; frequencies need not add up to 1.
struct TypicalRequest {
  Request request;
  double frequency = 0;
};

/// One score, in seconds: what this placement costs the job and those that come after it.
struct Terms {
  double start_delay_s = 0;    // image, build and data set, from the caller
  double fragmentation_s = 0;  // price of the GPUs that typical requests can no longer use; below 0
                               // where stranded ones are put to use
  double spread_s = 0;         // links that a gang has to cross
  double total_s() const { return start_delay_s + fragmentation_s + spread_s; }
  bool operator==(const Terms&) const = default;
};

struct Choice {
  Grant grant;
  Terms terms;
  bool operator==(const Choice&) const = default;
};

/// What things are worth in seconds of a job's start.
struct Prices {
  /// Of one GPU that typical requests can no longer use: how long a pull is worth waiting for to
  /// keep a GPU usable. In `galley bench locality`, knowing where data is saves 45 % of the start
  /// delay for 0.1 point of allocation at 600, half of it for 0.4 points at 300, and 39 % for 0.1
  /// point at 1200. `galley bench placement` has no delays and so does not depend on it.
  double stranded_gpu_s = 600;
  /// Of breaking a larger buddy cell than needed, for each halving (a single GPU out of a whole
  /// quad: two).
  double broken_cell_s = 5;
  /// Of each further zone that a gang's members lie in, for each level of zones that differs.
  double zone_s = 60;
};

/// Chooses where requests go: a hard filter, then the lowest Terms::total_s(). Equal totals go to
/// the node that is left with the least idle GPU, then the least processors, then memory, then to
/// the lowest number. Holds the mix of typical requests and caches; asked about any Pool whose
/// models mean what they meant to the mix. Deterministic: equal pools, mixes and requests give
/// equal choices, whatever was asked before. Not thread-safe: a thread needs a Placer of its own.
///
/// Cost of choose: one remembered score for each group of equal nodes that has enough GPUs whole,
/// and with delays one addition a node; a group in a state that this kind of request has not met
/// is scored anew, O(typical requests that still fit it). `galley bench placement` measures it.
class Placer {
 public:
  explicit Placer(const Prices& prices = {});
  ~Placer();
  Placer(Placer&&) noexcept;
  Placer& operator=(Placer&&) noexcept;

  /// Replaces the mix: what may come next, by how often it does. The most frequent kinds that make
  /// up 95 % of it are kept, at most 256. Empty: placement is best fit. Forgets all scores, so
  /// learn a mix over hours, not from each job.
  void set_mix(std::span<const TypicalRequest> mix);

  /// Where the request goes, or nothing when no node fits.
  /// `delay_s`: seconds to start on each node, by index; empty: none.
  std::optional<Choice> choose(const Pool& pool, const Request& request,
                               std::span<const float> delay_s = {}) const;
  /// All members of a gang or nothing, in the order of `members`, each on a pool that has given
  /// what the others took. Fewest zones first, the fullest of those that suffice, and each member
  /// on a node of its own unless there are fewer nodes than members.
  std::optional<std::vector<Choice>> choose_gang(const Pool& pool, std::span<const Request> members,
                                                 std::span<const float> delay_s = {}) const;
  /// The best `count` candidates with their terms, best first: what `galley why` shows. O(nodes).
  std::vector<Choice> candidates(const Pool& pool, const Request& request, std::size_t count,
                                 std::span<const float> delay_s = {}) const;

 private:
  class Scores;
  class Gang;
  std::unique_ptr<Scores> scores_;
};

}  // namespace galley::scheduler
