#pragma once

#include <string>
#include <vector>

#include "controller/controller.h"
#include "protocol/teams.h"
#include "store/database.h"

namespace galley::controller {

/// The typed writes of teams and bookings; see commands.h.

struct PutTeam {
  protocol::TeamSpec team;
  Caller caller;
  WallTime at{};
};
/// Adds the team or replaces it. Errors: conflict when all guarantees together are more than the
/// stored nodes have (team and numbers named).
Status put_team(store::Transaction& transaction, const PutTeam& command);

struct DeleteTeam {
  std::string name;
  Caller caller;
  WallTime at{};
};
/// The name stays usable, without guarantee and with weight 1. Errors: not_found.
Status delete_team(store::Transaction& transaction, const DeleteTeam& command);

struct Reserve {
  ReservationId id;
  protocol::ReservationSpec reservation;
  Caller caller;
  WallTime at{};
};
/// Errors: invalid_argument (in the past), conflict (bookings that overlap with it leave too little
/// of the stored nodes).
Status reserve(store::Transaction& transaction, const Reserve& command);

struct Unreserve {
  ReservationId id;
  Caller caller;
  WallTime at{};
};
/// Errors: not_found, conflict (cancelled already).
Status unreserve(store::Transaction& transaction, const Unreserve& command);

// What is stored, for reads and for a new leader.
Result<std::vector<protocol::TeamSpec>> read_teams(store::Transaction& transaction);
/// Those that are not cancelled and end after `now`, by start.
Result<std::vector<protocol::ReservationRecord>> read_reservations(store::Transaction& transaction,
                                                                   WallTime now);
/// Every node that was ever attached.
Result<std::vector<protocol::NodeRecord>> read_nodes(store::Transaction& transaction);

}  // namespace galley::controller
