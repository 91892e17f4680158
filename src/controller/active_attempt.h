#pragma once

#include <optional>

#include "commands.h"

namespace galley::controller {

/// An attempt that has not ended, as the commands that change it read it.
struct UnfinishedAttempt {
  JobId job;
  std::int64_t progress_offset = 0;
  bool preemption_asked = false;
  std::optional<protocol::AttemptState> outcome;  // of the first member that did not succeed
  std::optional<WallTime> outcome_at;             // when that was, where it failed
};
/// Errors: not_found, conflict (it has ended).
Result<UnfinishedAttempt> read_active_attempt(store::Transaction& transaction,
                                              const AttemptId& attempt);

struct UnfinishedMember {
  NodeId node;
  bool running = false;
};
/// Errors: not_found, conflict (it has ended).
Result<UnfinishedMember> read_active_member(store::Transaction& transaction,
                                            const AttemptId& attempt, std::int64_t rank);

}  // namespace galley::controller
