#include "estimator/cycle.h"

#include <algorithm>
#include <cmath>

namespace galley::estimator {
namespace {

constexpr std::size_t kPositions = 16;
constexpr double kWeightOfOne = 2.0 / 3.0;

}  // namespace

void CycleModel::add(PauseKind kind, double progress, double extra_s) {
  if (!(extra_s > 0) || !std::isfinite(progress)) return;
  Record& record = records_[static_cast<std::size_t>(kind)];
  record.positions[record.count % kPositions] = progress;
  ++record.count;
  record.total_s += extra_s;
}

std::optional<double> CycleModel::period_of(const Record& record) {
  if (record.count < 3) return std::nullopt;
  const std::size_t known = std::min(record.count, kPositions);
  double shortest = 0;
  double longest = 0;
  for (std::size_t i = 1; i < known; ++i) {
    const double gap = record.positions[(record.count - i) % kPositions] -
                       record.positions[(record.count - i - 1) % kPositions];
    if (i == 1 || gap < shortest) shortest = gap;
    if (i == 1 || gap > longest) longest = gap;
  }
  // Logs that name every tenth step shift a border by one of their lines.
  if (shortest <= 0 || longest - shortest > std::max(1.0, 0.1 * shortest)) return std::nullopt;
  const double first = record.positions[(record.count - known) % kPositions];
  const double last = record.positions[(record.count - 1) % kPositions];
  return (last - first) / static_cast<double>(known - 1);
}

double CycleModel::expected_s(double from, double to, double watched) const {
  double sum = 0;
  for (const Record& record : records_) {
    if (record.count == 0 || to <= from || watched <= 0) continue;
    const auto count = static_cast<double>(record.count);
    const double mean = record.total_s / count;
    if (const auto period = period_of(record)) {
      const double last = record.positions[(record.count - 1) % kPositions];
      // Half a period of patience: a pause may be noted a little before or behind its place.
      const double ahead = std::floor((to - last) / *period + 1e-9);
      const double passed = std::floor(std::max(0.0, from - last) / *period - 0.5 + 1e-9);
      sum += mean * std::max(0.0, ahead - std::max(0.0, passed));
    } else {
      const double weight = record.count == 1 ? kWeightOfOne : 1.0;
      sum += weight * record.total_s * (to - from) / watched;
    }
  }
  return sum;
}

std::vector<Pauses> CycleModel::pauses() const {
  std::vector<Pauses> all;
  for (const Record& record : records_)
    if (record.count > 0)
      all.push_back({.kind = record.kind,
                     .count = record.count,
                     .mean_s = record.total_s / static_cast<double>(record.count),
                     .every = period_of(record)});
  return all;
}

std::size_t CycleModel::count() const {
  std::size_t sum = 0;
  for (const Record& record : records_) sum += record.count;
  return sum;
}

}  // namespace galley::estimator
