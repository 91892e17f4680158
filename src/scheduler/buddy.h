#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "scheduler/pool.h"

namespace galley::scheduler {

/// All buddy cells of a node: those given, each single device and the node itself, without
/// duplicates, by rising size, then by lowest device. Bits past `devices` are dropped.
std::vector<DeviceSet> complete_cells(std::span<const DeviceSet> given, int devices);

/// `count` of the `free` devices: the smallest cell that holds as many, and among cells of equal
/// size the one whose surroundings have the least free, level by level. A count that no cell has is
/// taken as cells, largest first (6 = 4 + 2), inside the smallest cell that holds them all.
/// There are no free lists to keep: a cell is free when its bits are, so merging needs no step of
/// its own. Requires as many free devices. O(cells^2) bit operations.
DeviceSet pick_cells(std::span<const DeviceSet> cells, DeviceSet free, int count);

/// Sizes of the free cells that are not inside a larger free cell, falling.
std::vector<std::uint8_t> whole_cells(std::span<const DeviceSet> cells, DeviceSet free);

}  // namespace galley::scheduler
