#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "protocol/records.h"
#include "protocol/teams.h"

namespace galley::controller {

// Whether promises can be kept at all: asked of the whole fleet, all of it free and in service.
// Pure. O(cells promised x nodes).

/// Places the cells of all teams, larger ones first and those of a named GPU before those of any.
/// Errors: conflict, naming the team whose cells find no room, and the numbers; field `guarantees`.
Status check_guarantees(std::span<const protocol::TeamSpec> teams,
                        std::span<const protocol::NodeRecord> nodes);

/// Places the wanted booking beside those that overlap with it in time. Errors: invalid_argument
/// (the fleet could never hold it), conflict (the slot is taken, naming a booking in the way).
Status check_booking(const protocol::ReservationSpec& wanted,
                     std::span<const protocol::ReservationRecord> others,
                     std::span<const protocol::NodeRecord> nodes);

}  // namespace galley::controller
