#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "blobs/blob_store.h"

namespace galley::blobs {

struct Collected {
  std::int64_t blobs_removed = 0;
  std::int64_t bytes_removed = 0;  // as stored
  std::int64_t blobs_kept = 0;
};

/// Removes every blob that none of the manifests (named by `roots`) reaches and that was not used
/// at or after `before`. Callers set `before` some hours back: uploads in progress have no manifest
/// yet. When a root cannot be read nothing is removed, since what it reaches is unknown.
/// O(blobs + chunks of all roots). Errors: those of get_manifest for a root, forbidden.
Result<Collected> collect(BlobStore& store, std::span<const std::string> roots, WallTime before);

}  // namespace galley::blobs
