#include "blobs/collect.h"

#include <unordered_set>

#include "blobs/freeze.h"

namespace galley::blobs {

Result<Collected> collect(BlobStore& store, std::span<const std::string> roots, WallTime before) {
  std::unordered_set<std::string> reachable;
  for (const std::string& root : roots) {
    if (!reachable.insert(root).second) continue;
    GALLEY_TRY(const auto manifest, get_manifest(store, root));
    for (const ManifestFile& file : manifest.files)
      reachable.insert(file.chunks.begin(), file.chunks.end());
  }

  Collected result;
  GALLEY_TRY(const auto blobs, store.list());
  for (const BlobInfo& blob : blobs) {
    bool removed = false;
    if (!reachable.contains(blob.name) && blob.used < before) {
      // Asked again under the store's lock: an upload may have begun to rely on it meanwhile.
      GALLEY_TRY(removed, store.remove_unused(blob.name, before));
    }
    result.blobs_removed += removed ? 1 : 0;
    result.bytes_removed += removed ? blob.stored_bytes : 0;
    result.blobs_kept += removed ? 0 : 1;
  }
  GALLEY_TRY_STATUS(store.remove_leftovers(before));
  return result;
}

}  // namespace galley::blobs
