#include "artifact_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "blobs/freeze.h"
#include "error_reply.h"
#include "tracking/tracking.h"

namespace galley::mlflow {
namespace {

using store::Row;
using store::Value;

constexpr std::size_t kMaxModelArtifacts = 10'000;

/// Whether `path` lies in `folder` or is it; the empty folder holds all.
bool is_within(std::string_view path, std::string_view folder) {
  return folder.empty() || path == folder ||
         (path.starts_with(folder) && path[folder.size()] == '/');
}

/// The part of a path below a folder, without a leading slash.
std::string_view below(std::string_view path, std::string_view folder) {
  if (folder.empty()) return path;
  return path.size() == folder.size() ? std::string_view{} : path.substr(folder.size() + 1);
}

std::string joined(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

/// "path = … or …" for a path and all below it. Not by comparing, since databases sort texts in
/// ways of their own.
std::string at_or_below(const std::string& path, std::vector<Value>& parameters) {
  const std::string folder = path + "/";
  const auto characters = std::ranges::count_if(
      folder, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; });
  parameters.emplace_back(path);
  parameters.emplace_back(folder);
  return fmt::format("path = :{} or substr(path, 1, {}) = :{}", parameters.size() - 1, characters,
                     parameters.size());
}

std::string_view table_of(const ArtifactPlace& place) {
  return place.run.empty() ? "logged_model_artifacts" : "artifacts";
}
std::string_view owner_column(const ArtifactPlace& place) {
  return place.run.empty() ? "model_id" : "run_id";
}
const std::string& owner(const ArtifactPlace& place) {
  return place.run.empty() ? place.model : place.run;
}

}  // namespace

Result<ArtifactPlace> parse_place(std::string_view path) {
  const auto parts = split(path, '/');
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const bool is_run = RunId::parse(parts[i]).has_value();
    const bool is_model = parts[i].starts_with("m-") && i > 0 && parts[i - 1] == "models";
    if (parts[i + 1] != "artifacts" || (!is_run && !is_model)) continue;
    ArtifactPlace place;
    (is_run ? place.run : place.model) = parts[i];
    for (std::size_t j = i + 2; j < parts.size(); ++j)
      if (!parts[j].empty()) place.path = joined(place.path, parts[j]);
    if (!place.path.empty())
      if (const Status good = blobs::check_path(place.path); !good)
        return fault("Invalid path: " + good.error().message);
    return place;
  }
  return fault(
      "Invalid path: an artifact is addressed as EXPERIMENT/RUN_ID/artifacts/PATH or"
      " EXPERIMENT/models/MODEL_ID/artifacts/PATH");
}

Result<std::vector<ArtifactStore::Stored>> ArtifactStore::stored_at(const ArtifactPlace& place) {
  std::vector<Value> parameters{owner(place)};
  std::string where;
  if (!place.path.empty()) {
    where = " and (" + at_or_below(place.path, parameters);
    for (std::size_t slash = place.path.find('/'); slash != std::string::npos;
         slash = place.path.find('/', slash + 1)) {
      parameters.emplace_back(place.path.substr(0, slash));
      where += " or path = :" + std::to_string(parameters.size());
    }
    where += ")";
  }
  GALLEY_TRY(const auto rows,
             transaction_.query(fmt::format("select path, {}, manifest_sha256, size_bytes from {}"
                                            " where {} = :1{} order by path",
                                            place.run.empty() ? "'file'" : "kind", table_of(place),
                                            owner_column(place), where),
                                std::move(parameters)));
  std::vector<Stored> found;
  for (const Row& row : rows)
    found.push_back({row.text(0), row.text(1) == "file", row.text(2), row.integer(3)});
  return found;
}

Result<std::vector<ArtifactEntry>> ArtifactStore::list(const ArtifactPlace& place) {
  GALLEY_TRY(const auto stored, stored_at(place));
  std::map<std::string, ArtifactEntry> entries;
  const auto add = [&](std::string_view path, std::int64_t size_bytes) {
    const std::string_view rest = below(path, place.path);
    const auto slash = rest.find('/');
    std::string shown =
        rest.empty() ? std::string(path) : joined(place.path, rest.substr(0, slash));
    const bool is_folder = slash != std::string_view::npos;
    entries.try_emplace(shown, ArtifactEntry{shown, is_folder, is_folder ? 0 : size_bytes});
  };
  for (const Stored& one : stored) {
    if (one.is_file) {
      if (is_within(one.path, place.path)) add(one.path, one.size_bytes);
      continue;
    }
    if (is_within(one.path, place.path) && one.path != place.path) {
      add(joined(one.path, "-"), 0);  // a folder is seen without a look into it
      continue;
    }
    GALLEY_TRY(const auto manifest, blobs::get_manifest(blobs_, one.manifest));
    for (const blobs::ManifestFile& file : manifest.files)
      if (const auto path = joined(one.path, file.path); is_within(path, place.path))
        add(path, file.size_bytes);
  }
  std::vector<ArtifactEntry> all;
  for (auto& [path, entry] : entries) all.push_back(std::move(entry));
  return all;
}

Result<blobs::ManifestFile> ArtifactStore::file(const ArtifactPlace& place) {
  GALLEY_TRY(const auto stored, stored_at(place));
  for (const Stored& one : stored) {
    if (place.path.empty() || !is_within(place.path, one.path)) continue;
    if (one.is_file && one.path != place.path) continue;
    GALLEY_TRY(const auto manifest, blobs::get_manifest(blobs_, one.manifest));
    if (one.is_file) return manifest.files.front();
    if (const auto* found = manifest.find(below(place.path, one.path))) return *found;
  }
  return missing(fmt::format("No such artifact: '{}'", place.path));
}

Result<std::vector<blobs::ManifestFile>> ArtifactStore::files_below(const ArtifactPlace& place) {
  GALLEY_TRY(const auto stored, stored_at(place));
  std::vector<blobs::ManifestFile> files;
  const auto add = [&](blobs::ManifestFile file, const std::string& path) {
    if (!is_within(path, place.path)) return;
    file.path = below(path, place.path);
    if (file.path.empty()) file.path = path.substr(path.rfind('/') + 1);
    files.push_back(std::move(file));
  };
  for (const Stored& one : stored) {
    if (one.is_file && !is_within(one.path, place.path)) continue;
    GALLEY_TRY(const auto manifest, blobs::get_manifest(blobs_, one.manifest));
    for (const blobs::ManifestFile& file : manifest.files)
      add(file, one.is_file ? one.path : joined(one.path, file.path));
  }
  std::ranges::sort(files, {}, &blobs::ManifestFile::path);
  return files;
}

Status ArtifactStore::put(const ArtifactPlace& place, const std::string& manifest,
                          std::int64_t size_bytes, WallTime at) {
  if (place.path.empty()) return fault("an artifact needs a path");
  GALLEY_TRY(const auto stored, stored_at(place));
  for (const Stored& one : stored)
    if (one.path != place.path)
      return fault(
          fmt::format("Invalid path: '{}' would make a file of a folder, or a folder of a"
                      " file",
                      place.path));
  if (!place.run.empty())
    return tracking::add_artifact(transaction_, RunId::trusted(place.run),
                                  {.path = place.path,
                                   .kind = tracking::ArtifactKind::file,
                                   .manifest_sha256 = manifest,
                                   .size_bytes = size_bytes,
                                   .created = at});
  GALLEY_TRY_STATUS(transaction_.execute(
      "insert into logged_model_artifacts (model_id, path, manifest_sha256, size_bytes, created_ms)"
      " values (:1, :2, :3, :4, :5) on conflict (model_id, path) do update set"
      " manifest_sha256 = excluded.manifest_sha256, size_bytes = excluded.size_bytes,"
      " created_ms = excluded.created_ms",
      {place.model, place.path, manifest, size_bytes, to_ms(at)}));
  GALLEY_TRY(const auto count, transaction_.query_one("select count(*) from logged_model_artifacts"
                                                      " where model_id = :1",
                                                      {place.model}));
  if (count->integer(0) <= static_cast<std::int64_t>(kMaxModelArtifacts)) return ok();
  return Error{Errc::too_large,
               fmt::format("a model has at most {} artifacts", kMaxModelArtifacts)};
}

Status ArtifactStore::remove(const ArtifactPlace& place) {
  std::vector<Value> parameters{owner(place)};
  std::string where;
  if (!place.path.empty()) {
    where = " and (" + at_or_below(place.path, parameters) + ")";
  }
  return transaction_.enqueue(
      fmt::format("delete from {} where {} = :1{}", table_of(place), owner_column(place), where),
      std::move(parameters));
}

}  // namespace galley::mlflow
