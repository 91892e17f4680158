#include "blobs/manifest.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "blobs/format.h"

namespace galley::blobs {
namespace {

constexpr std::string_view kFormat = "galley-manifest";
constexpr int kManifestVersion = 1;
constexpr std::size_t kMaxPartBytes = 255;  // what file systems take
constexpr std::int64_t kMaxTotalBytes = std::int64_t{1} << 60U;
constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Error refuse(const std::string& why) {
  return Error{Errc::invalid_argument, "not a manifest: " + why};
}

/// True when the object has exactly these keys.
bool has_keys(const Json& object, std::initializer_list<const char*> keys) {
  return object.is_object() && object.size() == keys.size() &&
         std::ranges::all_of(keys, [&](const char* key) { return object.contains(key); });
}

bool is_name(const Json& value) {
  return value.is_string() && is_blob_name(value.get_ref<const std::string&>());
}

Result<ManifestFile> parse_file(const Json& entry, std::size_t index) {
  const std::string place = "files[" + std::to_string(index) + "]";
  if (!has_keys(entry, {"path", "size_bytes", "mode_executable", "sha256", "chunks"}))
    return refuse(place + " must have path, size_bytes, mode_executable, sha256, chunks");
  if (!entry["path"].is_string()) return refuse(place + ".path must be a string");
  ManifestFile file{.path = entry["path"].get<std::string>()};
  GALLEY_TRY_STATUS(check_path(file.path));
  // Unsigned, so that a negative size is refused here too.
  if (!entry["size_bytes"].is_number_unsigned() ||
      entry["size_bytes"].get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxTotalBytes))
    return refuse(place + ".size_bytes must be a whole number from 0 to 2^60");
  file.size_bytes = entry["size_bytes"].get<std::int64_t>();
  if (!entry["mode_executable"].is_boolean())
    return refuse(place + ".mode_executable must be true or false");
  file.executable = entry["mode_executable"].get<bool>();
  if (!is_name(entry["sha256"])) return refuse(place + ".sha256 must be 64 hexadecimal characters");
  file.sha256 = entry["sha256"].get<std::string>();
  if (!entry["chunks"].is_array() || !std::ranges::all_of(entry["chunks"], is_name))
    return refuse(place + ".chunks must be a list of SHA-256 names");
  for (const Json& chunk : entry["chunks"]) file.chunks.push_back(chunk.get<std::string>());

  const auto count = static_cast<std::size_t>((file.size_bytes + kChunkBytes - 1) / kChunkBytes);
  if (file.chunks.size() != count)
    return refuse(file.path + " has " + std::to_string(file.size_bytes) + " bytes, so " +
                  std::to_string(count) + " chunks and not " + std::to_string(file.chunks.size()));
  const bool digest_fits = count == 0   ? file.sha256 == kEmptySha256
                           : count == 1 ? file.sha256 == file.chunks[0]
                                        : true;
  if (!digest_fits) return refuse(file.path + " has a sha256 that contradicts its chunks");
  return file;
}

/// True when `path` lies inside a folder named `file`.
bool is_inside(std::string_view path, std::string_view file) {
  return path.size() > file.size() && path.starts_with(file) && path[file.size()] == '/';
}

/// Sorted by bytes, "a" and "a/b" may have "a!" between them, so folders are looked up by name.
Status check_order(const std::vector<ManifestFile>& files) {
  const auto found = [&](std::string_view path) {
    return std::ranges::binary_search(
        files, path, {}, [](const ManifestFile& f) -> std::string_view { return f.path; });
  };
  for (std::size_t i = 1; i < files.size(); ++i)
    if (!(files[i - 1].path < files[i].path))
      return refuse("paths must be sorted and different, at " + files[i].path);
  for (const ManifestFile& file : files)
    for (auto slash = file.path.find('/'); slash != std::string::npos;
         slash = file.path.find('/', slash + 1)) {
      const std::string_view folder = std::string_view(file.path).substr(0, slash);
      if (is_inside(file.path, folder) && found(folder))
        return refuse(std::string(folder) + " is both a file and a folder");
    }
  return ok();
}

}  // namespace

Status check_path(std::string_view path) {
  const auto wrong = [&](const char* why) {
    return Error{Errc::invalid_argument,
                 "path '" + to_valid_utf8(path.substr(0, 200)) + "' " + why,
                 {},
                 "a relative path with '/' between its parts"};
  };
  if (path.empty() || path.size() > kMaxPathBytes) return wrong("must have 1 to 1024 bytes");
  if (!is_valid_utf8(path)) return wrong("is not valid UTF-8");
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return wrong("has control characters");
  for (const std::string_view part : split(path, '/')) {
    if (part.empty()) return wrong("has an empty part");
    if (part == "." || part == "..") return wrong("must not have '.' or '..' as a part");
    if (part.size() > kMaxPartBytes) return wrong("has a part of more than 255 bytes");
  }
  return ok();
}

std::int64_t Manifest::size_bytes() const {
  std::int64_t total = 0;
  for (const ManifestFile& file : files) total += file.size_bytes;
  return total;
}

const ManifestFile* Manifest::find(std::string_view path) const {
  const auto at = std::ranges::lower_bound(
      files, path, {}, [](const ManifestFile& f) -> std::string_view { return f.path; });
  return at != files.end() && at->path == path ? &*at : nullptr;
}

std::vector<std::string> Manifest::chunks() const {
  std::vector<std::string> names;
  for (const ManifestFile& file : files)
    names.insert(names.end(), file.chunks.begin(), file.chunks.end());
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string print_manifest(const Manifest& manifest) {
  Json files = Json::array();
  for (const ManifestFile& file : manifest.files)
    files.push_back({{"path", file.path},
                     {"size_bytes", file.size_bytes},
                     {"mode_executable", file.executable},
                     {"sha256", file.sha256},
                     {"chunks", file.chunks}});
  return dump_json(
      {{"format", kFormat}, {"version", kManifestVersion}, {"files", std::move(files)}});
}

std::string manifest_name(const Manifest& manifest) { return sha256_hex(print_manifest(manifest)); }

Result<Manifest> parse_manifest(std::string_view text) {
  if (static_cast<std::int64_t>(text.size()) > kMaxBlobBytes)
    return Error{Errc::too_large,
                 "a manifest has at most " + std::to_string(kMaxBlobBytes) + " bytes"};
  auto document = parse_json(text);
  if (!document) return refuse(document.error().message);
  const Json& root = *document;
  if (!root.is_object() || root.value("format", Json()) != kFormat)
    return refuse("format must be \"galley-manifest\"");
  const Json version = root.value("version", Json());
  if (!version.is_number_unsigned()) return refuse("version must be a whole number");
  if (version != kManifestVersion)
    return Error{Errc::unsupported,
                 "manifest has version " + dump_json(version) + "; this program reads version 1"};
  if (!has_keys(root, {"format", "version", "files"}) || !root["files"].is_array())
    return refuse("it must have format, version and a list of files, and nothing else");
  if (root["files"].empty() || root["files"].size() > kMaxManifestFiles)
    return refuse("it must list 1 to " + std::to_string(kMaxManifestFiles) + " files, not " +
                  std::to_string(root["files"].size()));

  Manifest manifest;
  manifest.files.reserve(root["files"].size());
  std::int64_t total = 0;
  for (std::size_t i = 0; i < root["files"].size(); ++i) {
    GALLEY_TRY(auto file, parse_file(root["files"][i], i));
    total += file.size_bytes;  // two numbers of at most 2^60 cannot overflow
    if (total > kMaxTotalBytes) return refuse("its files have more than 2^60 bytes");
    manifest.files.push_back(std::move(file));
  }
  GALLEY_TRY_STATUS(check_order(manifest.files));
  if (print_manifest(manifest) != text)
    return refuse("it is not in the canonical form (sorted keys, no blanks)");
  return manifest;
}

ManifestDiff diff(const Manifest& before, const Manifest& after) {
  ManifestDiff result;
  auto old = before.files.begin();
  auto now = after.files.begin();
  while (old != before.files.end() || now != after.files.end()) {
    const bool only_old =
        now == after.files.end() || (old != before.files.end() && old->path < now->path);
    const bool only_new =
        old == before.files.end() || (now != after.files.end() && now->path < old->path);
    if (only_old) {
      result.removed.push_back({old->path, old->size_bytes, 0});
      ++old;
    } else if (only_new) {
      result.added.push_back({now->path, 0, now->size_bytes});
      ++now;
    } else {
      if (old->sha256 != now->sha256 || old->executable != now->executable)
        result.changed.push_back({old->path, old->size_bytes, now->size_bytes});
      ++old;
      ++now;
    }
  }
  return result;
}

}  // namespace galley::blobs
