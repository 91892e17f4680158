#pragma once

#include <filesystem>

#include "base/result.h"
#include "blobs/blob_store.h"
#include "blobs/manifest.h"

namespace galley::blobs {

/// Writes the frozen files as a read-only tree: files 0444 (0555 when executable), folders 0555.
/// The tree is built beside `target`, verified, synced and renamed, so `target` is complete or
/// absent, also after a crash; on failure nothing is left. Memory: one chunk.
/// Errors: conflict when `target` exists, not_found or corrupt (names the blob), exhausted,
/// forbidden.
Status materialize(const Manifest& manifest, const BlobStore& store,
                   const std::filesystem::path& target);

/// Removes a folder even when its parts are read-only. What is not there is not an error.
Status remove_tree(const std::filesystem::path& folder);

}  // namespace galley::blobs
