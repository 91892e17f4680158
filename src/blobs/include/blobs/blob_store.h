#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "blobs/format.h"

namespace galley::blobs {

/// What is known of a stored blob without reading it.
struct BlobInfo {
  std::string name;
  std::int64_t stored_bytes = 0;
  WallTime used;  // when it was last put or asked for by missing()
};

/// Blobs as files of one folder, named by the SHA-256 (hexadecimal) of their uncompressed bytes.
///
/// A blob is written once and never changed: to a temporary file, fsynced, renamed, folder fsynced.
/// Every read is verified. Thread-safe, also for two threads putting one blob; one process owns the
/// folder. Names that are not 64 hexadecimal characters answer invalid_argument everywhere.
class BlobStore {
 public:
  /// Makes the folder if it is absent. Errors: forbidden, exhausted.
  static Result<std::unique_ptr<BlobStore>> open(const std::filesystem::path& folder);

  /// Stores the bytes durably and answers their name. What is already there is not written again,
  /// unless it is damaged: then it is replaced.
  /// Errors: too_large (kMaxBlobBytes), exhausted (disk full; leaves nothing behind), forbidden.
  Result<std::string> put(std::string_view bytes);
  /// The same for bytes that came from elsewhere under a name. Errors: invalid_argument when the
  /// bytes have another digest, with both.
  Status put(std::string_view name, std::string_view bytes);

  /// Errors: not_found, corrupt (names the blob), invalid_argument.
  Result<std::string> get(std::string_view name) const;
  bool has(std::string_view name) const;

  /// Those of the names that are not stored, in their order. The others count as used now, so that
  /// collect() with a grace period does not remove what an upload in progress relies on.
  Result<std::vector<std::string>> missing(std::span<const std::string> names);

  /// Removing what is not there is not an error.
  Status remove(std::string_view name);
  /// Removes the blob unless it was used at or after `before`; true when it was removed.
  Result<bool> remove_unused(std::string_view name, WallTime before);

  /// All blobs, in no order. O(blobs).
  Result<std::vector<BlobInfo>> list() const;
  /// Removes temporary files of writers that were killed before `before`; answers how many.
  Result<std::int64_t> remove_leftovers(WallTime before);

 private:
  explicit BlobStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path path_of(std::string_view name) const;
  std::filesystem::path temporary_folder() const { return folder_ / "tmp"; }
  bool touch(std::string_view name);
  bool holds_intact(std::string_view name);
  Status store(std::string_view name, std::string_view bytes);

  const std::filesystem::path folder_;
  std::mutex use_mutex_;  // makes touch() and remove_unused() exclude each other
};

}  // namespace galley::blobs
