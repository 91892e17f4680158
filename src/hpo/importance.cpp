#include "hpo/importance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "hpo/random.h"

namespace galley::hpo {
namespace {

constexpr std::size_t kLeastRows = 8;
constexpr std::size_t kMostRows = 1000;
constexpr std::size_t kPairedParameters = 5;
constexpr std::size_t kLeastInBox = 5;  // smaller ones would be the noise of a single trial
constexpr double kAxisRatio = 5.0 / 6;  // of the axes are looked at for a split, as in the paper

struct FanovaRows {
  std::vector<std::vector<double>> unit;
  std::vector<double> loss;
};

/// A part of the unit cube and the mean loss in it.
struct FanovaBox {
  std::vector<double> low;
  std::vector<double> high;
  double loss = 0;

  double width(std::size_t axis) const { return high[axis] - low[axis]; }
  double volume() const {
    double product = 1;
    for (std::size_t i = 0; i < low.size(); ++i) product *= width(i);
    return product;
  }
};

class FanovaTree {
 public:
  FanovaTree(const FanovaRows& rows, Rng& rng) : rows_(rows), rng_(rng) {
    std::vector<std::size_t> drawn(rows.loss.size());
    for (auto& row : drawn) row = rng.below(rows.loss.size());
    const std::size_t dims = rows.unit[0].size();
    FanovaBox whole{std::vector<double>(dims, 0), std::vector<double>(dims, 1)};
    grow(drawn, std::move(whole));
    for (const auto& box : boxes_) mean_ += box.volume() * box.loss;
  }

  double variance() const {
    double sum = 0;
    for (const auto& box : boxes_) sum += box.volume() * (box.loss - mean_) * (box.loss - mean_);
    return sum;
  }

  /// Of the mean over all axes but this one.
  double variance_along(std::size_t axis) const {
    const auto edges = edges_of(axis);
    std::vector<double> steps(edges.size(), 0);  // differences from cell to cell
    for (const auto& box : boxes_) {
      const double weight = box.volume() / box.width(axis) * box.loss;
      steps[cell_of(edges, box.low[axis])] += weight;
      steps[cell_of(edges, box.high[axis])] -= weight;
    }
    double sum = 0;
    double value = 0;
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
      value += steps[i];
      sum += (edges[i + 1] - edges[i]) * (value - mean_) * (value - mean_);
    }
    return sum;
  }

  double variance_along(std::size_t a, std::size_t b) const {
    const auto edges_a = edges_of(a);
    const auto edges_b = edges_of(b);
    const std::size_t columns = edges_b.size();
    std::vector<double> steps(edges_a.size() * columns, 0);
    for (const auto& box : boxes_) {
      const double weight = box.volume() / (box.width(a) * box.width(b)) * box.loss;
      const std::size_t from_a = cell_of(edges_a, box.low[a]);
      const std::size_t to_a = cell_of(edges_a, box.high[a]);
      const std::size_t from_b = cell_of(edges_b, box.low[b]);
      const std::size_t to_b = cell_of(edges_b, box.high[b]);
      steps[from_a * columns + from_b] += weight;
      steps[from_a * columns + to_b] -= weight;
      steps[to_a * columns + from_b] -= weight;
      steps[to_a * columns + to_b] += weight;
    }
    double sum = 0;
    std::vector<double> row(columns, 0);
    for (std::size_t i = 0; i + 1 < edges_a.size(); ++i) {
      double value = 0;
      for (std::size_t j = 0; j + 1 < columns; ++j) {
        row[j] += steps[i * columns + j];
        value += row[j];
        sum += (edges_a[i + 1] - edges_a[i]) * (edges_b[j + 1] - edges_b[j]) * (value - mean_) *
               (value - mean_);
      }
    }
    return sum;
  }

 private:
  struct Split {
    std::size_t axis = 0;
    double at = 0;
    double gain = 0;
  };

  void grow(std::vector<std::size_t>& rows, FanovaBox box) {
    const Split split = best_split(rows);
    if (split.gain <= 0) {
      for (const std::size_t row : rows) box.loss += rows_.loss[row];
      box.loss /= static_cast<double>(rows.size());
      boxes_.push_back(std::move(box));
      return;
    }
    const auto middle = std::partition(rows.begin(), rows.end(), [&](std::size_t row) {
      return rows_.unit[row][split.axis] < split.at;
    });
    std::vector<std::size_t> left(rows.begin(), middle);
    std::vector<std::size_t> right(middle, rows.end());
    FanovaBox upper = box;
    box.high[split.axis] = upper.low[split.axis] = split.at;
    grow(left, std::move(box));
    grow(right, std::move(upper));
  }

  /// The greatest fall of the sum of squares over a draw of the axes; over all, if those have none.
  Split best_split(std::vector<std::size_t>& rows) {
    const std::size_t dims = rows_.unit[0].size();
    std::vector<std::size_t> axes(dims);
    std::iota(axes.begin(), axes.end(), std::size_t{0});
    for (std::size_t i = dims; i > 1; --i) std::swap(axes[i - 1], axes[rng_.below(i)]);
    const auto looked_at =
        static_cast<std::size_t>(std::ceil(static_cast<double>(dims) * kAxisRatio));
    Split best;
    double total = 0;
    for (const std::size_t row : rows) total += rows_.loss[row];
    const auto count = static_cast<double>(rows.size());
    for (std::size_t i = 0; i < dims && (i < looked_at || best.gain <= 0); ++i) {
      const std::size_t axis = axes[i];
      std::ranges::sort(rows, {},
                        [&](std::size_t row) { return std::pair(rows_.unit[row][axis], row); });
      double left = 0;
      for (std::size_t k = 1; k < rows.size(); ++k) {
        left += rows_.loss[rows[k - 1]];
        const double before = rows_.unit[rows[k - 1]][axis];
        const double after = rows_.unit[rows[k]][axis];
        if (before == after || k < kLeastInBox || rows.size() - k < kLeastInBox) continue;
        const auto n = static_cast<double>(k);
        const double gain =
            left * left / n + (total - left) * (total - left) / (count - n) - total * total / count;
        if (gain > best.gain + 1e-12 * (1 + total * total / count))
          best = {axis, (before + after) / 2, gain};
      }
    }
    return best;
  }

  std::vector<double> edges_of(std::size_t axis) const {
    std::vector<double> edges;
    for (const auto& box : boxes_) {
      edges.push_back(box.low[axis]);
      edges.push_back(box.high[axis]);
    }
    std::ranges::sort(edges);
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    return edges;
  }
  static std::size_t cell_of(const std::vector<double>& edges, double edge) {
    return static_cast<std::size_t>(std::ranges::lower_bound(edges, edge) - edges.begin());
  }

  const FanovaRows& rows_;
  Rng& rng_;
  std::vector<FanovaBox> boxes_;
  double mean_ = 0;
};

FanovaRows gather_rows(const Space& space, std::span<const Observation> observations,
                       std::size_t objective) {
  // Of a trial that was observed at several resources the furthest counts.
  std::map<TrialNumber, const Observation*> by_trial;
  const auto reach = [](const Observation& seen) {
    return seen.resource <= 0 ? std::numeric_limits<double>::infinity() : seen.resource;
  };
  for (const auto& seen : observations) {
    if (seen.objectives.size() <= objective || !std::isfinite(seen.objectives[objective])) continue;
    auto& known = by_trial[seen.trial];
    if (!known || reach(seen) >= reach(*known)) known = &seen;
  }
  std::vector<const Observation*> chosen;
  for (const auto& [trial, seen] : by_trial) chosen.push_back(seen);
  const std::size_t count = std::min(chosen.size(), kMostRows);
  FanovaRows rows;
  for (std::size_t i = 0; i < count; ++i) {
    const Observation& seen = *chosen[i * chosen.size() / count];
    std::vector<double> unit(space.size(), 0.5);
    for (std::size_t p = 0; p < space.size(); ++p)
      if (!std::isnan(seen.point[p]))
        unit[p] = std::clamp(space.to_unit(p, seen.point[p]), 0.0, 1.0);
    rows.unit.push_back(std::move(unit));
    rows.loss.push_back(seen.objectives[objective]);
  }
  std::vector<double> sorted = rows.loss;
  std::ranges::sort(sorted);
  if (sorted.empty()) return rows;
  const double low = sorted[sorted.size() / 4];
  const double high = sorted[sorted.size() * 3 / 4];
  const double fence = high > low ? high + 1.5 * (high - low) : sorted.back();
  for (double& loss : rows.loss) loss = std::min(loss, fence);
  return rows;
}

}  // namespace

Result<Importance> importance(const Space& space, std::span<const Observation> observations,
                              const ImportanceOptions& options) {
  if (options.trees == 0)
    return Error{
        Errc::invalid_argument, "importance of a forest without trees", "trees", "at least 1", {}};
  const FanovaRows rows = gather_rows(space, observations, options.objective);
  if (rows.loss.size() < kLeastRows)
    return Error{Errc::invalid_argument,
                 fmt::format("importance needs {} trials with results, not {}", kLeastRows,
                             rows.loss.size()),
                 {},
                 "more trials",
                 {}};
  Importance out{.alone = std::vector<double>(space.size(), 0), .rows = rows.loss.size()};
  Rng rng(options.seed, 51);
  std::vector<FanovaTree> trees;
  for (std::size_t t = 0; t < options.trees; ++t) {
    FanovaTree tree(rows, rng);
    // One of equal losses has nothing to explain.
    if (tree.variance() > 0) trees.push_back(std::move(tree));
  }
  const auto count = static_cast<double>(std::max<std::size_t>(trees.size(), 1));
  for (const auto& tree : trees)
    for (std::size_t p = 0; p < space.size(); ++p)
      out.alone[p] += tree.variance_along(p) / tree.variance() / count;
  std::vector<std::size_t> order(space.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t p) { return out.alone[p]; });
  order.resize(std::min(order.size(), kPairedParameters));
  std::ranges::sort(order);
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = i + 1; j < order.size(); ++j) {
      Importance::Pair pair{order[i], order[j], 0};
      for (const auto& tree : trees)
        pair.share += (tree.variance_along(pair.first, pair.second) -
                       tree.variance_along(pair.first) - tree.variance_along(pair.second)) /
                      tree.variance() / count;
      pair.share = std::max(0.0, pair.share);
      out.pairs.push_back(pair);
    }
  std::ranges::stable_sort(out.pairs, std::greater<>(), &Importance::Pair::share);
  return out;
}

}  // namespace galley::hpo
