#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "blobs/blob_store.h"
#include "inference/text_classifier.h"
#include "serving/model_host.h"

namespace galley::serving {

/// A snapshot in memory. Immutable, shared by the channels that show it.
struct LoadedSnapshot {
  std::string id;
  std::string manifest_sha256;
  std::string family;
  std::shared_ptr<const inference::TextClassifier> classifier;
  std::shared_ptr<const std::vector<std::string>> labels;
};

/// The snapshots on this machine's disk, one read-only folder each, named by its id.
/// Not thread-safe: the host calls it under its control lock.
class SnapshotFolder {
 public:
  /// Errors: forbidden, exhausted.
  static Result<SnapshotFolder> open(std::filesystem::path folder, blobs::BlobStore& blobs);

  /// Loads from the folder when it is whole (sizes are compared with the manifest's), else writes
  /// it again from the blobs, each verified. Errors: unsupported (no model family that we know),
  /// corrupt or not_found (which file of which snapshot), exhausted.
  Result<std::shared_ptr<const LoadedSnapshot>> load(const Placement& placement) const;

  /// Removes every folder but those of the ids, and what an interrupted load left behind.
  void keep_only(const std::set<std::string, std::less<>>& ids) const;

 private:
  SnapshotFolder(std::filesystem::path folder, blobs::BlobStore& blobs)
      : folder_(std::move(folder)), blobs_(&blobs) {}
  Status rewrite(const Placement& placement, const std::filesystem::path& path) const;

  std::filesystem::path folder_;
  blobs::BlobStore* blobs_;
};

}  // namespace galley::serving
