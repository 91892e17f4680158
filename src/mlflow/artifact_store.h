#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "blobs/blob_store.h"
#include "blobs/manifest.h"
#include "protocol/ids.h"
#include "store/database.h"

namespace galley::mlflow {

/// Whose artifacts a path is among: a run's or a logged model's.
struct ArtifactPlace {
  std::string run;    // one of the two is empty
  std::string model;  // its id
  std::string path;   // below the owner's folder; empty: the folder itself
};

/// ".../RUN_ID/artifacts/PATH" or ".../models/MODEL_ID/artifacts/PATH": what stands behind
/// "mlflow-artifacts:/". Errors: invalid_argument (no such form, "..").
Result<ArtifactPlace> parse_place(std::string_view path);

struct ArtifactEntry {
  std::string path;  // below the owner's folder
  bool is_folder = false;
  std::int64_t size_bytes = 0;
};

/// The artifacts of runs and logged models: rows of the database that name frozen content. What a
/// job froze as a folder is shown with its files.
class ArtifactStore {
 public:
  ArtifactStore(store::Transaction& transaction, const blobs::BlobStore& blobs)
      : transaction_(transaction), blobs_(blobs) {}

  /// What lies directly in a folder, by path; a file's own entry where the path is one; nothing
  /// where there is nothing. Errors: those of reading manifests.
  Result<std::vector<ArtifactEntry>> list(const ArtifactPlace& place);
  /// Errors: not_found.
  Result<blobs::ManifestFile> file(const ArtifactPlace& place);
  /// All files below a folder, their paths relative to it.
  Result<std::vector<blobs::ManifestFile>> files_below(const ArtifactPlace& place);
  /// Puts the content of a manifest of one file there. Errors: too_large, invalid_argument (the
  /// path is a folder's, or leads through a file).
  Status put(const ArtifactPlace& place, const std::string& manifest, std::int64_t size_bytes,
             WallTime at);
  /// A file, or a folder with all that is in it. What is not there is gone already.
  Status remove(const ArtifactPlace& place);

 private:
  struct Stored {
    std::string path;
    bool is_file = true;
    std::string manifest;
    std::int64_t size_bytes = 0;
  };
  /// Those at the path, below it, or holding it.
  Result<std::vector<Stored>> stored_at(const ArtifactPlace& place);

  store::Transaction& transaction_;
  const blobs::BlobStore& blobs_;
};

}  // namespace galley::mlflow
