#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "state.h"

namespace galley::scheduler {

/// A job changed in one respect, as a user might.
struct Variant {
  QueuedJob job;
  std::string kind;    // as Alternative::kind
  std::string change;  // in words
  std::vector<std::pair<std::string, std::string>> edits;
  bool booked = false;  // worth telling although it starts no sooner: its time would be certain
};

/// What could be changed about the job, nearest to what was asked first; at most 16. Only those
/// whose resources are free at the moment, or that the fleet could hold while the job itself could
/// not; the planner has the last word. `start`: when the job is expected to start, if it ever is.
std::vector<Variant> variants_of(State& state, const QueuedJob& job, std::optional<WallTime> start,
                                 WallTime now);

}  // namespace galley::scheduler
