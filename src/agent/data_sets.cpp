#include "data_sets.h"

#include <algorithm>

#include "base/file.h"
#include "blobs/materialize.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigestLetters = 16;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// The name before the '@'. References become folder names, so nothing odd may pass.
Result<std::string> name_of(std::string_view reference) {
  const auto at = reference.find('@');
  const auto good = [](std::string_view part) {
    return !part.empty() && part.size() <= 100 && is_plain(part.front()) &&
           std::ranges::all_of(
               part, [](char c) { return is_plain(c) || c == '.' || c == '_' || c == '-'; });
  };
  if (at != std::string_view::npos && good(reference.substr(0, at)) &&
      good(reference.substr(at + 1)))
    return std::string(reference.substr(0, at));
  return Error{Errc::invalid_argument,
               "'" + std::string(reference.substr(0, 80)) + "' does not name a data set",
               "datasets", "NAME@VERSION"};
}

Error with_name(Error error, std::string_view reference) {
  error.message = "cannot prepare data set " + std::string(reference) + ": " + error.message;
  return error;
}

Result<DataSet> prepare_one(const std::string& reference, const FindManifest& find_manifest,
                            const blobs::BlobStore& blobs, const fs::path& cache) {
  DataSet set{.reference = reference};
  GALLEY_TRY(set.name, name_of(reference));
  GALLEY_TRY(const blobs::Manifest manifest, find_manifest(reference));
  set.manifest_sha256 = blobs::manifest_name(manifest);
  set.folder = data_set_folder(cache, reference, manifest);
  std::error_code ignored;
  if (fs::exists(set.folder, ignored)) return set;
  GALLEY_TRY_STATUS(make_folders(cache));
  // Written as a whole or not at all, so what is there needs no second look.
  auto written = blobs::materialize(manifest, blobs, set.folder);
  if (!written && written.error().code != Errc::conflict) return std::move(written).error();
  return set;
}

}  // namespace

fs::path data_set_folder(const fs::path& cache, std::string_view reference,
                         const blobs::Manifest& manifest) {
  return cache /
         (std::string(reference) + "-" + blobs::manifest_name(manifest).substr(0, kDigestLetters));
}

Result<std::vector<DataSet>> prepare_data_sets(const std::vector<std::string>& references,
                                               const FindManifest& find_manifest,
                                               const blobs::BlobStore& blobs,
                                               const fs::path& cache) {
  std::vector<DataSet> sets;
  for (const std::string& reference : references) {
    const bool again =
        std::ranges::any_of(sets, [&](const DataSet& set) { return set.reference == reference; });
    if (again) continue;
    auto set = prepare_one(reference, find_manifest, blobs, cache);
    if (!set) return with_name(std::move(set).error(), reference);
    sets.push_back(*std::move(set));
  }
  return sets;
}

}  // namespace galley::agent
