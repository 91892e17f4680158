#include "buddy.h"

#include <algorithm>
#include <bit>

#include "base/result.h"

namespace galley::scheduler {
namespace {

/// True when taking from `a` leaves the surroundings better than taking from `b`, cells of one
/// size: compares the free devices of the cells around them, from the smallest outwards.
bool tighter(std::span<const DeviceSet> cells, DeviceSet free, DeviceSet a, DeviceSet b) {
  auto around_a = cells.begin();
  auto around_b = cells.begin();
  const auto next = [&](auto from, DeviceSet inner) {
    return std::find_if(from, cells.end(), [inner](DeviceSet cell) {
      return cell != inner && (cell & inner) == inner;
    });
  };
  around_a = next(around_a, a);
  around_b = next(around_b, b);
  while (around_a != cells.end() && around_b != cells.end()) {
    const int free_a = std::popcount(*around_a & free);
    const int free_b = std::popcount(*around_b & free);
    if (free_a != free_b) return free_a < free_b;
    around_a = next(around_a + 1, a);
    around_b = next(around_b + 1, b);
  }
  return false;
}

/// The smallest cell with at least `count` free devices; the fullest of them, then the tightest.
DeviceSet smallest_sufficient(std::span<const DeviceSet> cells, DeviceSet free, int count) {
  DeviceSet best = 0;
  for (const auto cell : cells) {
    if (best != 0 && std::popcount(cell) > std::popcount(best)) break;
    const int available = std::popcount(cell & free);
    if (available < count) continue;
    if (best == 0) {
      best = cell;
      continue;
    }
    const int best_available = std::popcount(best & free);
    if (available < best_available ||
        (available == best_available && tighter(cells, free, cell, best)))
      best = cell;
  }
  return best;
}

/// The largest cell inside `outer`, all of it free, with at most `count` devices.
DeviceSet largest_within(std::span<const DeviceSet> cells, DeviceSet free, DeviceSet outer,
                         int count) {
  DeviceSet best = 0;
  for (const auto cell : cells) {
    const int size = std::popcount(cell);
    if (size > count) break;
    if ((cell & outer) != cell || (cell & free) != cell) continue;
    if (best == 0 || size > std::popcount(best) || tighter(cells, free, cell, best)) best = cell;
  }
  return best;
}

}  // namespace

std::vector<DeviceSet> complete_cells(std::span<const DeviceSet> given, int devices) {
  if (devices == 0) return {};
  const DeviceSet all = devices == kMostGpusOfANode ? ~DeviceSet{0} : (DeviceSet{1} << devices) - 1;
  std::vector<DeviceSet> cells{all};
  for (int device = 0; device < devices; ++device) cells.push_back(DeviceSet{1} << device);
  for (const auto cell : given)
    if ((cell & all) != 0) cells.push_back(cell & all);
  std::ranges::sort(cells, [](DeviceSet a, DeviceSet b) {
    const int size_a = std::popcount(a);
    const int size_b = std::popcount(b);
    if (size_a != size_b) return size_a < size_b;
    const int low_a = std::countr_zero(a);
    const int low_b = std::countr_zero(b);
    return low_a != low_b ? low_a < low_b : a < b;
  });
  cells.erase(std::ranges::unique(cells).begin(), cells.end());
  return cells;
}

DeviceSet pick_cells(std::span<const DeviceSet> cells, DeviceSet free, int count) {
  DeviceSet picked = 0;
  while (count > 0) {
    const auto outer = smallest_sufficient(cells, free, count);
    GALLEY_CHECK(outer != 0, "fewer free devices than asked for");
    if (std::popcount(outer & free) == count) return picked | (outer & free);
    const auto part = largest_within(cells, free, outer, count);
    picked |= part;
    free = outer & free & ~part;  // the rest comes from the same surroundings
    count -= std::popcount(part);
  }
  return picked;
}

std::vector<std::uint8_t> whole_cells(std::span<const DeviceSet> cells, DeviceSet free) {
  std::vector<std::uint8_t> sizes;
  DeviceSet covered = 0;
  for (auto cell = cells.rbegin(); cell != cells.rend(); ++cell) {
    if ((*cell & free) != *cell || (*cell & covered) == *cell) continue;
    covered |= *cell;
    sizes.push_back(static_cast<std::uint8_t>(std::popcount(*cell)));
  }
  return sizes;
}

}  // namespace galley::scheduler
