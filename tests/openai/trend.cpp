#include "trend.h"

#include <algorithm>
#include <cmath>

namespace galley::openai {
namespace {

constexpr std::size_t kBlocks = 10;
/// Of ten values without a trend, S of Mann and Kendall is at least this with probability 0.8 %.
constexpr int kCriticalS = 27;

}  // namespace

double quantile_of(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(
      std::lround(share * static_cast<double>(values.size() - 1)))];
}

Trend trend_of(std::span<const double> values) {
  std::vector<double> blocks;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    const auto begin = i * values.size() / kBlocks, end = (i + 1) * values.size() / kBlocks;
    const auto block = values.subspan(begin, end - begin);
    blocks.push_back(quantile_of({block.begin(), block.end()}, 0.5));
  }
  int s = 0;
  std::vector<double> slopes;
  for (std::size_t i = 0; i < kBlocks; ++i)
    for (std::size_t j = i + 1; j < kBlocks; ++j) {
      s += blocks[j] > blocks[i] ? 1 : blocks[j] < blocks[i] ? -1 : 0;
      slopes.push_back((blocks[j] - blocks[i]) / static_cast<double>(j - i));
    }
  return {.growth = quantile_of(slopes, 0.5) * static_cast<double>(kBlocks - 1),
          .rises = s >= kCriticalS};
}

}  // namespace galley::openai
