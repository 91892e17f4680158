#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "registry/records.h"
#include "store/database.h"

namespace galley::registry {

// What both halves of the registry read: snapshots by id, and the rules of names and limits.

inline constexpr std::int64_t kMaxPage = 1000;
/// Moves of one model that history() answers at most: rolling back needs all of them, some 100
/// bytes each.
inline constexpr std::int64_t kMaxHistory = 1'000'000;
std::int64_t page(std::int64_t limit);

/// The columns that snapshot_of expects, from a table called "s".
inline constexpr std::string_view kSnapshotColumns =
    "s.id, s.kind, s.name, s.version, s.manifest_sha256, s.size_bytes, s.file_count, s.run_id,"
    " s.note, s.principal, s.created_ms";

/// Without its sources.
Snapshot snapshot_of(const store::Row& row);
Status add_sources(store::Transaction& transaction, Snapshot& snapshot);

/// Errors: not_found also for a deleted one.
Result<Snapshot> snapshot_by_id(store::Transaction& transaction, const SnapshotId& id);

}  // namespace galley::registry
