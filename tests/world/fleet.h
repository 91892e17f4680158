#pragma once

#include <vector>

#include "base/id.h"
#include "dice.h"
#include "protocol/records.h"

namespace galley::world {

/// 4 to 12 machines of several kinds: eight GPUs in pairs and quads, four, odd ones, none at all;
/// some with GPUs that may be shared, in one to three racks.
std::vector<protocol::NodeRecord> make_fleet(Dice& dice, IdSource& ids);

/// Sets of places in `devices`, single GPUs left out.
std::vector<std::vector<std::int64_t>> cells_of(std::int64_t gpus);

}  // namespace galley::world
