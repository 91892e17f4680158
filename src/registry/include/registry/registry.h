#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "blobs/blob_store.h"
#include "registry/records.h"
#include "store/database.h"

namespace galley::registry {

/// The records of what was frozen and what is deployed.
///
/// Each write is one durable transaction that also appends an event (kind "snapshot" or "channel")
/// and an audit line. Thread-safe; the arguments of the constructor must outlive it.
class Registry {
 public:
  Registry(store::Database& database, blobs::BlobStore& blobs, const Clock& clock, IdSource& ids)
      : database_(database), blobs_(blobs), clock_(clock), ids_(ids) {}

  /// Gives stored content the next version of its name. The same content as the newest version is
  /// that version (`created` is false; its note, sources and run stay as they were).
  /// Reads the manifest and looks for each of its chunks; the chunks' bytes are verified when read.
  /// Errors: invalid_argument (name, note, sources), not_found (manifest, source), conflict (chunks
  /// are missing; how many).
  Result<FreezeAnswer> freeze_snapshot(const FreezeRequest& request);

  /// "name" (its newest version), "name@3", or an id. Errors: not_found, invalid_argument.
  Result<Snapshot> get(Kind kind, std::string_view reference) const;

  /// Newest versions first; those older than `before_version` when it is not 0.
  Result<std::vector<Snapshot>> versions(Kind kind, std::string_view name, std::int64_t limit,
                                         std::int64_t before_version = 0) const;
  /// The newest version of each name, by name; those after `after_name`.
  Result<std::vector<Snapshot>> names(Kind kind, std::int64_t limit,
                                      std::string_view after_name = {}) const;

  /// Hides a snapshot and lets its content be collected once nothing kept was made from it.
  /// Errors: not_found; conflict while a channel points at it or can go back to it.
  Status delete_snapshot(const SnapshotId& id, const std::string& principal,
                         const std::string& request_id);

  /// Deploys: pushes a generation. Errors: not_found (snapshot), invalid_argument (another model's
  /// snapshot), conflict (expected_generation, with both numbers).
  Result<MoveAnswer> move_channel(const MoveRequest& request);
  /// Goes back to what was deployed below the current deployment: pops. A deployment after a
  /// rollback is pushed on top of what the rollback returned to.
  /// Errors: not_found (no such channel), conflict (nothing to go back to; expected_generation).
  Result<MoveAnswer> rollback(const RollbackRequest& request);

  /// Errors: not_found.
  Result<Channel> channel(std::string_view model, std::string_view channel) const;
  /// What a rollback of the channel would return to now; nothing when nothing was deployed before.
  /// Errors: not_found.
  Result<std::optional<SnapshotId>> rollback_target(std::string_view model,
                                                    std::string_view channel) const;
  /// By model and name; of one model when it is not empty.
  Result<std::vector<Channel>> channels(std::string_view model = {}) const;
  /// Newest first; of one channel when it is not empty.
  Result<std::vector<Move>> history(std::string_view model, std::string_view channel,
                                    std::int64_t limit) const;

  /// Manifests that garbage collection must keep, each once: of snapshots that are not deleted, of
  /// those a channel can go back to, of all that these were made from, and of runs' artifacts.
  Result<std::vector<std::string>> reachable_manifests() const;

 private:
  store::Database& database_;
  blobs::BlobStore& blobs_;
  const Clock& clock_;
  IdSource& ids_;
};

}  // namespace galley::registry
