#include "estimator_fit/fits.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace galley::estimator {
namespace {

constexpr std::size_t kBins = 64;

/// Inputs as numbers of bins; bin b holds values in [edge b-1, edge b).
struct BinnedTable {
  std::vector<std::vector<float>> edges;        // of each input, ascending
  std::vector<std::vector<std::uint8_t>> bins;  // input by input
};

BinnedTable bin_table(const DenseTable& x) {
  BinnedTable binned;
  const std::size_t rows = x.rows();
  std::vector<float> sorted(rows);
  for (std::size_t input = 0; input < x.width; ++input) {
    for (std::size_t i = 0; i < rows; ++i) sorted[i] = x.values[i * x.width + input];
    std::ranges::sort(sorted);
    std::vector<float> distinct = sorted;
    distinct.erase(std::ranges::unique(distinct).begin(), distinct.end());
    std::vector<float> edges;
    const std::size_t cuts = std::min(distinct.size(), kBins) - 1;
    for (std::size_t cut = 1; cut <= cuts; ++cut) {
      // Few values: between each two of them. Many: at quantiles of the rows.
      const float edge = distinct.size() <= kBins ? (distinct[cut - 1] + distinct[cut]) / 2
                                                  : sorted[cut * rows / (cuts + 1)];
      if (edges.empty() || edge > edges.back()) edges.push_back(edge);
    }
    std::vector<std::uint8_t> bins(rows);
    for (std::size_t i = 0; i < rows; ++i)
      bins[i] = static_cast<std::uint8_t>(
          std::ranges::upper_bound(edges, x.values[i * x.width + input]) - edges.begin());
    binned.edges.push_back(std::move(edges));
    binned.bins.push_back(std::move(bins));
  }
  return binned;
}

struct Split {
  std::size_t input = 0;
  std::size_t bin = 0;  // rows in bins up to this one go left
  double gain = 0;
};

class TreeGrowth {
 public:
  TreeGrowth(const BinnedTable& table, std::span<const double> y, const TreeOptions& options,
             std::mt19937_64& random, TreeModel& model)
      : table_(table), y_(y), options_(options), random_(random), model_(model) {
    for (std::size_t i = 0; i < table.edges.size(); ++i)
      if (!table.edges[i].empty()) inputs_.push_back(i);
  }

  void grow(std::vector<std::uint32_t> rows, double scale) {
    scale_ = scale;
    model_.roots.push_back(static_cast<std::int32_t>(model_.nodes.size()));
    rows_ = std::move(rows);
    grow_node(0, rows_.size(), 0);
  }

 private:
  std::int32_t grow_node(std::size_t begin, std::size_t end, int depth) {
    const auto at = model_.nodes.size();
    model_.nodes.emplace_back();
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += y_[rows_[i]];
    const double count = static_cast<double>(end - begin);
    const Split split = depth < options_.depth ? best_split(begin, end, sum, count) : Split{};
    if (split.gain <= 1e-10) {
      model_.nodes[at].value = static_cast<float>(scale_ * sum / count);
      return static_cast<std::int32_t>(at);
    }
    const auto& bins = table_.bins[split.input];
    const auto middle = std::partition(rows_.begin() + static_cast<std::ptrdiff_t>(begin),
                                       rows_.begin() + static_cast<std::ptrdiff_t>(end),
                                       [&](std::uint32_t row) { return bins[row] <= split.bin; });
    const auto cut = static_cast<std::size_t>(middle - rows_.begin());
    model_.nodes[at].input = static_cast<std::int32_t>(split.input);
    model_.nodes[at].threshold = table_.edges[split.input][split.bin];
    const auto left = grow_node(begin, cut, depth + 1);
    const auto right = grow_node(cut, end, depth + 1);
    model_.nodes[at].left = left;
    model_.nodes[at].right = right;
    return static_cast<std::int32_t>(at);
  }

  Split best_split(std::size_t begin, std::size_t end, double sum, double count) {
    Split best;
    if (end - begin < 2 * options_.least_leaf) return best;
    const auto tried = std::max<std::size_t>(
        1, static_cast<std::size_t>(
               std::ceil(options_.inputs_ratio * static_cast<double>(inputs_.size()))));
    for (std::size_t k = 0; k < std::min(tried, inputs_.size()); ++k) {
      if (tried < inputs_.size())
        std::swap(inputs_[k], inputs_[k + random_() % (inputs_.size() - k)]);
      try_input(inputs_[k], begin, end, sum, count, best);
    }
    return best;
  }

  void try_input(std::size_t input, std::size_t begin, std::size_t end, double sum, double count,
                 Split& best) {
    std::array<double, kBins> sums{};
    std::array<std::uint32_t, kBins> counts{};
    const auto& bins = table_.bins[input];
    for (std::size_t i = begin; i < end; ++i) {
      const auto row = rows_[i];
      sums[bins[row]] += y_[row];
      ++counts[bins[row]];
    }
    double left_sum = 0;
    std::size_t left_count = 0;
    for (std::size_t bin = 0; bin < table_.edges[input].size(); ++bin) {
      left_sum += sums[bin];
      left_count += counts[bin];
      const std::size_t right_count = end - begin - left_count;
      if (left_count < options_.least_leaf || right_count < options_.least_leaf) continue;
      const double right_sum = sum - left_sum;
      const double gain = left_sum * left_sum / static_cast<double>(left_count) +
                          right_sum * right_sum / static_cast<double>(right_count) -
                          sum * sum / count;
      if (gain > best.gain) best = {input, bin, gain};
    }
  }

  const BinnedTable& table_;
  std::span<const double> y_;
  const TreeOptions& options_;
  std::mt19937_64& random_;
  TreeModel& model_;
  std::vector<std::size_t> inputs_;  // those that vary
  std::vector<std::uint32_t> rows_;
  double scale_ = 1;
};

}  // namespace

TreeModel fit_trees(const DenseTable& x, std::span<const double> y, const TreeOptions& options) {
  TreeModel model;
  if (y.empty()) return model;
  const auto table = bin_table(x);
  std::mt19937_64 random(options.seed);
  TreeGrowth growth(table, y, options, random, model);
  for (int tree = 0; tree < options.trees; ++tree) {
    std::vector<std::uint32_t> rows(y.size());
    if (options.bootstrap)
      for (auto& row : rows) row = static_cast<std::uint32_t>(random() % y.size());
    else
      std::iota(rows.begin(), rows.end(), 0U);
    growth.grow(std::move(rows), 1.0 / options.trees);
  }
  return model;
}

}  // namespace galley::estimator
