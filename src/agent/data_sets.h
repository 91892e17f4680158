#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "blobs/blob_store.h"
#include "blobs/manifest.h"

namespace galley::agent {

/// A frozen data set as files on this machine.
struct DataSet {
  std::string reference;  // NAME@VERSION
  std::string name;
  std::filesystem::path folder;  // read-only, shared by all jobs that use it
  std::string manifest_sha256{};
};

/// Where a data set lies below `cache` once it is a folder.
std::filesystem::path data_set_folder(const std::filesystem::path& cache,
                                      std::string_view reference, const blobs::Manifest& manifest);

using FindManifest = std::function<Result<blobs::Manifest>(std::string_view reference)>;

/// Makes each data set a folder below `cache`, unless it is there. The folder's name holds the
/// content's digest, so a version that was deleted and frozen anew is never mistaken for the old
/// one. One thread at a time. Blocks while files are written; everything written is verified.
/// Errors: invalid_argument (no NAME@VERSION), those of find_manifest and of
/// blobs::materialize, all naming the data set.
Result<std::vector<DataSet>> prepare_data_sets(const std::vector<std::string>& references,
                                               const FindManifest& find_manifest,
                                               const blobs::BlobStore& blobs,
                                               const std::filesystem::path& cache);

}  // namespace galley::agent
