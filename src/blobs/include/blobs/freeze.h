#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "blobs/blob_store.h"
#include "blobs/manifest.h"

namespace galley::blobs {

/// Where frozen chunks go: a BlobStore here, or a server at the other end of a connection.
/// Called from one thread.
class ChunkSink {
 public:
  virtual ~ChunkSink() = default;
  /// Which of these the other side lacks. At most kFreezeBatchChunks names.
  virtual Result<std::vector<std::string>> missing(std::span<const std::string> names) = 0;
  virtual Status put(const std::string& name, std::string_view bytes) = 0;
};

/// How much is hashed before the sink is asked once: a bound on memory and on round trips.
inline constexpr std::size_t kFreezeBatchBytes = 16U << 20U;
inline constexpr std::size_t kFreezeBatchChunks = 1024;

/// Cuts every file of the folder into chunks and gives the sink those that it lacks. Memory is
/// bounded by kFreezeBatchBytes and one chunk, whatever the files' sizes. The manifest is only
/// answered: store it after this returns, so that a stored manifest has all its chunks.
/// Errors: invalid_argument (symbolic links and special files, which cannot be frozen; names that
/// are not UTF-8; no file at all), not_found, conflict (a file changed while it was read), the
/// sink's.
Result<Manifest> freeze(const std::filesystem::path& folder, ChunkSink& sink);

/// The same for one file, which gets that name. Errors: invalid_argument (no regular file, a link
/// included; a name that no file of a manifest may have), and as above.
Result<Manifest> freeze_file(const std::filesystem::path& file, const std::string& name,
                             ChunkSink& sink);

struct Frozen {
  Manifest manifest;
  std::string name;  // of the manifest's blob
};

/// Freezes into a store of this machine, the manifest last.
Result<Frozen> freeze(const std::filesystem::path& folder, BlobStore& store);

/// Stores a manifest that a client sent, after all its chunks; answers its name.
/// Errors: those of parse_manifest, and conflict while chunks are missing (how many, and the
/// first).
Result<Frozen> put_manifest(BlobStore& store, std::string_view text);

/// A stored manifest. Errors: not_found, corrupt (also for a blob that is no manifest).
Result<Manifest> get_manifest(const BlobStore& store, std::string_view name);

/// Whether every chunk is stored; counts them as used now. Errors: conflict, as put_manifest.
Status check_complete(BlobStore& store, const Manifest& manifest);

}  // namespace galley::blobs
