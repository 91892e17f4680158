#include "snapshot_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "blobs/freeze.h"
#include "blobs/materialize.h"

namespace galley::serving {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSnapshots = "serving";
constexpr std::string_view kFamily = "text-classifier";
constexpr std::size_t kShownFiles = 5;

Error about(const Placement& placement, Error error) {
  error.message = fmt::format("cannot serve {}: {}", placement.snapshot_ref, error.message);
  return error;
}

/// Every file of the manifest is there with its size. Cheap: a stat a file. What it cannot see, a
/// changed byte, the family's own reader sees only in part; the disk is trusted for the rest.
Status check_sizes(const blobs::Manifest& manifest, const fs::path& folder) {
  for (const auto& file : manifest.files) {
    std::error_code error;
    const auto size = fs::file_size(folder / file.path, error);
    if (error)
      return Error{Errc::corrupt, fmt::format("{} cannot be read: {}",
                                              (folder / file.path).string(), error.message())};
    if (size != static_cast<std::uintmax_t>(file.size_bytes))
      return Error{Errc::corrupt,
                   fmt::format("{} has {} bytes and not {}", (folder / file.path).string(), size,
                               file.size_bytes)};
  }
  return ok();
}

std::string list_files(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entries(folder, error); !error && entries != fs::directory_iterator();
       entries.increment(error))
    names.push_back(entries->path().filename().string());
  std::ranges::sort(names);
  const std::size_t more = names.size() > kShownFiles ? names.size() - kShownFiles : 0;
  names.resize(names.size() - more);
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  if (more > 0) text += fmt::format(" and {} more", more);
  return text.empty() ? "nothing" : text;
}

Status check_family(const fs::path& folder) {
  std::error_code error;
  if (fs::is_regular_file(folder / inference::kCardFile, error) &&
      fs::is_regular_file(folder / inference::kWeightsFile, error))
    return ok();
  return Error{
      Errc::unsupported,
      fmt::format("it is of no model family known here: found {}", list_files(folder)),
      {},
      fmt::format("{} and {} (a text classifier)", inference::kCardFile, inference::kWeightsFile)};
}

Result<std::shared_ptr<const LoadedSnapshot>> open_snapshot(const Placement& placement,
                                                            const fs::path& folder) {
  GALLEY_TRY_STATUS(check_family(folder));
  GALLEY_TRY(auto classifier, inference::TextClassifier::open(folder));
  // One answer before anybody asks: what cannot answer must not be shown, and its pages are warm.
  GALLEY_TRY(const auto probe, classifier->predict("galley"));
  if (!std::ranges::all_of(probe.probabilities, [](float p) { return p >= 0 && p <= 1; }))
    return Error{Errc::corrupt, "its probabilities are not numbers from 0 to 1"};
  auto labels = std::make_shared<const std::vector<std::string>>(classifier->labels());
  return std::make_shared<const LoadedSnapshot>(
      LoadedSnapshot{.id = placement.snapshot_id,
                     .manifest_sha256 = placement.manifest_sha256,
                     .family = std::string(kFamily),
                     .classifier = std::move(classifier),
                     .labels = std::move(labels)});
}

/// What went wrong with a blob, said of the file that it is a part of.
Error name_file(const blobs::Manifest& manifest, const blobs::BlobStore& blobs, Error error) {
  if (error.code != Errc::corrupt && error.code != Errc::not_found) return error;
  for (const auto& file : manifest.files)
    for (const auto& chunk : file.chunks)
      if (const auto bytes = blobs.get(chunk); !bytes) {
        Error named = bytes.error();
        named.message = fmt::format("its file {}: {}", file.path, named.message);
        return named;
      }
  return error;
}

}  // namespace

Result<SnapshotFolder> SnapshotFolder::open(fs::path folder, blobs::BlobStore& blobs) {
  GALLEY_TRY_STATUS(make_folders(folder));
  return SnapshotFolder(std::move(folder), blobs);
}

Status SnapshotFolder::rewrite(const Placement& placement, const fs::path& path) const {
  GALLEY_TRY(const auto manifest, blobs::get_manifest(*blobs_, placement.manifest_sha256));
  GALLEY_TRY_STATUS(blobs::remove_tree(path));
  auto written = blobs::materialize(manifest, *blobs_, path);
  if (!written) return name_file(manifest, *blobs_, std::move(written).error());
  return ok();
}

Result<std::shared_ptr<const LoadedSnapshot>> SnapshotFolder::load(
    const Placement& placement) const {
  const fs::path path = folder_ / placement.snapshot_id;
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(path, ignored))) {
    // Without its manifest a folder is judged by the family's reader alone.
    const auto manifest = blobs::get_manifest(*blobs_, placement.manifest_sha256);
    const Status sizes = manifest ? check_sizes(*manifest, path) : ok();
    auto loaded = sizes ? open_snapshot(placement, path) : Error{sizes.error()};
    if (loaded) return loaded;
    log::warn(kSnapshots, "a snapshot on disk is damaged; writing it again from its blobs",
              {{"snapshot", placement.snapshot_ref}, {"reason", describe(loaded.error())}});
  }
  if (auto written = rewrite(placement, path); !written)
    return about(placement, std::move(written).error());
  auto loaded = open_snapshot(placement, path);
  if (loaded) return loaded;
  // Sound bytes that cannot be served: another attempt would write the same again.
  if (const auto removed = blobs::remove_tree(path); !removed)
    log::warn(kSnapshots, "cannot remove a snapshot that cannot be served",
              {{"folder", path.string()}, {"reason", removed.error().message}});
  return about(placement, std::move(loaded).error());
}

void SnapshotFolder::keep_only(const std::set<std::string, std::less<>>& ids) const {
  std::vector<fs::path> doomed;
  std::error_code error;
  for (fs::directory_iterator entries(folder_, error);
       !error && entries != fs::directory_iterator(); entries.increment(error))
    if (!ids.contains(entries->path().filename().string())) doomed.push_back(entries->path());
  for (const auto& path : doomed)
    if (const auto removed = blobs::remove_tree(path); !removed)
      log::warn(kSnapshots, "cannot remove a snapshot that no channel needs",
                {{"folder", path.string()}, {"reason", removed.error().message}});
}

}  // namespace galley::serving
