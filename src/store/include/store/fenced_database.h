#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "store/database.h"

namespace galley::store {

/// The database as the leader of one epoch may write it: every command first checks that no other
/// has taken over, in its own transaction. Reads pass. So nobody above needs to know of leaders.
/// A refused write answers unavailable; `refused` is called then, on the thread that completes it.
/// `database` must outlive it. Thread-safe. Cost: one read of one row a command.
std::unique_ptr<Database> fence(Database& database, std::int64_t epoch,
                                std::function<void()> refused);

}  // namespace galley::store
