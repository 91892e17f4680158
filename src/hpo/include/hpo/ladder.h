#pragma once

#include <cstdint>
#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "hpo/sampler.h"

namespace galley::hpo {

/// How all trials of a study compare, although each has seen another share of its own budget.
///
/// Marks are shares of a trial's own budget (1/27, 1/9, 1/3 and 1, say): epoch 5 of 20 and epoch 5
/// of 100 are different points of a schedule, the tenth part of both is nearly the same one. The
/// first value that a trial reports at or past a mark stands for it there.
///
/// Trials are ordered by the last mark that they passed, then by their value there: a trial was
/// let past a mark because it was among the best at it, so this is also the order of quality.
/// The rankings are made when first looked at: most studies never do. Not thread-safe. Calls are
/// O(marks log n) once there are rankings, the first O(marks n log n).
class Ladder {
 public:
  /// A trial with its loss at a mark; the best first (ties: the earlier trial).
  struct Entry {
    double loss = 0;
    TrialNumber trial = 0;
    auto operator<=>(const Entry&) const = default;
  };
  /// Sorted, and knows the rank of each entry.
  using Ranking =
      __gnu_pbds::tree<Entry, __gnu_pbds::null_type, std::less<>, __gnu_pbds::rb_tree_tag,
                       __gnu_pbds::tree_order_statistics_node_update>;

  explicit Ladder(std::vector<double> marks);

  /// Takes a report at this share of the trial's budget; the loss is minimised, NaN counts as
  /// the worst. Returns the highest mark that it passes for the first time, if any.
  std::optional<std::size_t> place(TrialNumber trial, double share, double loss);
  /// Failed and infeasible trials stand below all others: the worst at each mark that they passed,
  /// at the first one at least. What fails was tried too, and counts among those tried.
  void fail(TrialNumber trial);

  const std::vector<double>& marks() const { return marks_; }
  /// All that passed this mark.
  const Ranking& passed(std::size_t mark) const { return rankings().passed[mark]; }
  /// How many of those are better there than this one, which passed it too.
  std::size_t rank(std::size_t mark, TrialNumber trial) const;
  /// Those that passed this mark as their last.
  const Ranking& resting(std::size_t mark) const { return rankings().resting[mark]; }

  /// The last mark that the trial passed, and what it has there; absent for what failed.
  std::optional<std::size_t> last_mark(TrialNumber trial) const;
  std::optional<Entry> last_entry(TrialNumber trial) const;
  std::size_t size() const { return places_.size(); }

  /// The trial's normal score: what a standard normal variable would be at its rank among all
  /// (greater is better, 0 in the middle). Absent before its first mark.
  std::optional<double> score(TrialNumber trial) const;

 private:
  struct Place {
    std::vector<double> losses{};  // at each mark passed
    bool failed = false;
  };

  /// By mark.
  struct Rankings {
    std::vector<Ranking> passed;
    std::vector<Ranking> resting;
  };
  const Rankings& rankings() const;

  std::vector<double> marks_;
  mutable std::optional<Rankings> rankings_;
  std::unordered_map<TrialNumber, Place> places_;
  std::size_t failed_ = 0;
};

/// The quantile function of the standard normal distribution; probability in (0, 1).
double normal_quantile(double probability);

}  // namespace galley::hpo
