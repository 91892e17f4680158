#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/result.h"
#include "store/copy.h"

namespace galley::app {

/// How far a long step has come: what it does, from 0 to 1.
using StepProgress = std::function<void(const char* step, double ratio)>;

/// A backup is a folder (0700): galley.db, an SQLite database whatever the source was; blobs/,
/// named by their contents; the token and the secret of the installation (0600); and backup.json,
/// written last, which lists the tables with their digests. Without backup.json a backup is not
/// complete.
struct Backup {
  std::string made_at;
  std::vector<store::TableContent> tables;
  std::int64_t blob_count = 0;
};

/// Writes backup.json. Errors: exhausted, forbidden.
Status write_backup_list(const std::filesystem::path& folder, const Backup& backup);
/// Errors: not_found (no complete backup lies there), corrupt, unsupported (a newer form).
Result<Backup> read_backup_list(const std::filesystem::path& folder);

/// Brings all blobs of one data folder to another: hard links where both lie on one file system,
/// else copies. What is there already stays. Answers how many the target has.
Result<std::int64_t> copy_blobs(const std::filesystem::path& from, const std::filesystem::path& to,
                                const StepProgress& progress);

/// Reads every blob and compares it with its name. Answers how many there are. Errors: corrupt.
Result<std::int64_t> verify_blobs(const std::filesystem::path& folder,
                                  const StepProgress& progress);

/// Whether all that the records rely on lies among the blobs: the manifest of every snapshot and
/// artifact, and its chunks. Errors: corrupt (the first that is missing).
Status verify_references(store::Database& database, const std::filesystem::path& blobs,
                         const StepProgress& progress);

/// The two secrets of a data folder, where they are.
Status copy_secrets(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace galley::app
