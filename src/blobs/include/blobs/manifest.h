#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::blobs {

/// Every chunk of a file has this size except the last, which has the rest.
inline constexpr std::int64_t kChunkBytes = 4LL << 20U;
/// A manifest is read as a whole by everyone who loads the folder, so its length is bounded.
inline constexpr std::size_t kMaxManifestFiles = 200'000;
inline constexpr std::size_t kMaxPathBytes = 1024;

struct ManifestFile {
  std::string path;  // relative, '/' between parts, UTF-8
  std::int64_t size_bytes = 0;
  bool executable = false;
  std::string sha256;               // of the whole file
  std::vector<std::string> chunks;  // names of its chunks in order; none for an empty file
  bool operator==(const ManifestFile&) const = default;
};

/// The content of a frozen folder: at least one file, sorted by the bytes of the path. Folders
/// without files, owners and times are not part of it, so equal contents have equal manifests.
struct Manifest {
  std::vector<ManifestFile> files;
  bool operator==(const Manifest&) const = default;

  std::int64_t size_bytes() const;
  /// Null when there is no such file. O(log files).
  const ManifestFile* find(std::string_view path) const;
  /// Names of all chunks, each once, sorted.
  std::vector<std::string> chunks() const;
};

/// The one text of a manifest (docs/formats/manifest.md). Its SHA-256 names the frozen folder.
std::string print_manifest(const Manifest& manifest);
std::string manifest_name(const Manifest& manifest);

/// Accepts only what print_manifest can have written. Checked: bounds, the form and order of paths
/// (relative, no "..", no file that is also a folder), and that sizes, digests and chunk counts
/// agree. Errors: invalid_argument, naming the file where there is one; unsupported (a newer
/// version).
Result<Manifest> parse_manifest(std::string_view text);

/// Whether the path may stand in a manifest. Errors: invalid_argument with the reason.
Status check_path(std::string_view path);

struct ManifestDiff {
  struct Change {
    std::string path;
    std::int64_t size_bytes_before = 0;
    std::int64_t size_bytes_after = 0;
    bool operator==(const Change&) const = default;
  };
  std::vector<Change> added;
  std::vector<Change> removed;
  std::vector<Change> changed;  // other bytes, or executable or not
  bool operator==(const ManifestDiff&) const = default;
};

/// What must be done to `before` to get `after`. O(files).
ManifestDiff diff(const Manifest& before, const Manifest& after);

}  // namespace galley::blobs
