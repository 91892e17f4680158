#include "blobs/freeze.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>

#include "base/file.h"
#include "base/text.h"
#include "sha256.h"

namespace galley::blobs {
namespace fs = std::filesystem;
namespace {

/// Collects chunks, across files, until it is worth asking the sink about them.
class Batch {
 public:
  explicit Batch(ChunkSink& sink) : sink_(sink) {}

  Status add(const std::string& name, std::string bytes) {
    if (!seen_.insert(name).second) return ok();  // the sink has it already, or is about to
    bytes_ += bytes.size();
    names_.push_back(name);
    chunks_.push_back(std::move(bytes));
    if (bytes_ < kFreezeBatchBytes && names_.size() < kFreezeBatchChunks) return ok();
    return flush();
  }

  Status flush() {
    if (names_.empty()) return ok();
    GALLEY_TRY(const auto absent, sink_.missing(names_));
    const std::unordered_set<std::string_view> wanted(absent.begin(), absent.end());
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (wanted.contains(names_[i])) GALLEY_TRY_STATUS(sink_.put(names_[i], chunks_[i]));
    names_.clear();
    chunks_.clear();
    bytes_ = 0;
    return ok();
  }

 private:
  ChunkSink& sink_;
  std::unordered_set<std::string> seen_;
  std::vector<std::string> names_;
  std::vector<std::string> chunks_;
  std::size_t bytes_ = 0;
};

/// A chunk of a file of which so much should be left, or less where it ends first.
Result<std::string> read_chunk(int fd, std::int64_t left_bytes, const fs::path& path) {
  std::string bytes(static_cast<std::size_t>(std::clamp<std::int64_t>(left_bytes, 1, kChunkBytes)),
                    '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::read(fd, bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("cannot freeze " + path.string(), errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  bytes.shrink_to_fit();
  return bytes;
}

Error changed(const fs::path& path) {
  return Error{Errc::conflict,
               path.string() + " changed while it was being frozen",
               {},
               {},
               "freeze again when nothing writes to the folder"};
}

Result<ManifestFile> add_file(const fs::path& path, std::string name, Batch& batch) {
  // O_NONBLOCK: a pipe that replaced the file after we looked must not block us.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat before {};
  if (!fd || ::fstat(fd.get(), &before) != 0)
    return system_error("cannot freeze " + path.string(), errno);
  if (!S_ISREG(before.st_mode)) return changed(path);

  ManifestFile file{.path = std::move(name), .executable = (before.st_mode & S_IXUSR) != 0};
  Sha256 whole;
  for (;;) {
    GALLEY_TRY(auto bytes, read_chunk(fd.get(), before.st_size - file.size_bytes, path));
    if (bytes.empty()) break;
    const bool last = static_cast<std::int64_t>(bytes.size()) < kChunkBytes;
    const bool only = file.chunks.empty() && before.st_size <= kChunkBytes;
    file.size_bytes += static_cast<std::int64_t>(bytes.size());
    file.chunks.push_back(sha256_hex(bytes));
    if (!only) whole.add(bytes);  // a single chunk's digest is the file's
    GALLEY_TRY_STATUS(batch.add(file.chunks.back(), std::move(bytes)));
    if (last) break;
  }
  struct stat after {};
  if (::fstat(fd.get(), &after) != 0) return system_error("cannot freeze " + path.string(), errno);
  if (file.size_bytes != before.st_size || after.st_size != before.st_size ||
      after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
      after.st_mtim.tv_nsec != before.st_mtim.tv_nsec)
    return changed(path);
  file.sha256 = file.chunks.size() == 1 ? file.chunks[0] : whole.hex();
  return file;
}

/// Relative paths of all regular files, sorted by bytes.
Result<std::vector<std::string>> find_files(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code error;
  fs::recursive_directory_iterator entries(folder, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    const fs::file_status status = entries->symlink_status(error);
    if (error) break;
    const fs::path& path = entries->path();
    if (fs::is_directory(status)) continue;
    if (!fs::is_regular_file(status))
      return Error{Errc::invalid_argument,
                   "cannot freeze " + path.string() + ": it is " +
                       (fs::is_symlink(status) ? "a symbolic link" : "a special file"),
                   {},
                   "regular files and folders",
                   fs::is_symlink(status) ? "copy the file it points to into the folder" : ""};
    found.push_back(path.lexically_relative(folder).generic_string());
    GALLEY_TRY_STATUS(check_path(found.back()));
    if (found.size() > kMaxManifestFiles)
      return Error{Errc::too_large, folder.string() + " holds more than " +
                                        std::to_string(kMaxManifestFiles) + " files"};
  }
  if (error) return system_error("cannot freeze folder " + folder.string(), error.value());
  if (found.empty())
    return Error{Errc::invalid_argument, "cannot freeze " + folder.string() + ": it has no files"};
  std::ranges::sort(found);
  return found;
}

class StoreSink final : public ChunkSink {
 public:
  explicit StoreSink(BlobStore& store) : store_(store) {}
  Result<std::vector<std::string>> missing(std::span<const std::string> names) override {
    return store_.missing(names);
  }
  Status put(const std::string&, std::string_view bytes) override {
    GALLEY_TRY_STATUS(store_.put(bytes));
    return ok();
  }

 private:
  BlobStore& store_;
};

}  // namespace

Result<Manifest> freeze(const fs::path& folder, ChunkSink& sink) {
  GALLEY_TRY(auto names, find_files(folder));
  Batch batch(sink);
  Manifest manifest;
  manifest.files.reserve(names.size());
  for (std::string& name : names) {
    const fs::path path = folder / name;
    GALLEY_TRY(auto file, add_file(path, std::move(name), batch));
    manifest.files.push_back(std::move(file));
  }
  GALLEY_TRY_STATUS(batch.flush());
  return manifest;
}

Result<Manifest> freeze_file(const fs::path& file, const std::string& name, ChunkSink& sink) {
  GALLEY_TRY_STATUS(check_path(name));
  std::error_code error;
  const fs::file_status status = fs::symlink_status(file, error);
  if (error) return system_error("cannot freeze " + file.string(), error.value());
  if (!fs::is_regular_file(status))
    return Error{Errc::invalid_argument, "cannot freeze " + file.string() + ": it is no file"};
  Batch batch(sink);
  Manifest manifest;
  GALLEY_TRY(auto added, add_file(file, name, batch));
  manifest.files.push_back(std::move(added));
  GALLEY_TRY_STATUS(batch.flush());
  return manifest;
}

Result<Frozen> freeze(const fs::path& folder, BlobStore& store) {
  StoreSink sink(store);
  GALLEY_TRY(auto manifest, freeze(folder, sink));
  GALLEY_TRY(auto name, store.put(print_manifest(manifest)));
  return Frozen{std::move(manifest), std::move(name)};
}

Result<Frozen> put_manifest(BlobStore& store, std::string_view text) {
  GALLEY_TRY(auto manifest, parse_manifest(text));
  GALLEY_TRY_STATUS(check_complete(store, manifest));
  GALLEY_TRY(auto name, store.put(text));
  return Frozen{std::move(manifest), std::move(name)};
}

Result<Manifest> get_manifest(const BlobStore& store, std::string_view name) {
  GALLEY_TRY(const auto text, store.get(name));
  auto manifest = parse_manifest(text);
  if (manifest) return manifest;
  Error error = std::move(manifest).error();
  // The bytes are what was once stored, so a blob that is no manifest is the wrong name for one.
  if (error.code == Errc::invalid_argument) error.code = Errc::corrupt;
  error.message = "blob " + std::string(name) + ": " + error.message;
  return error;
}

Status check_complete(BlobStore& store, const Manifest& manifest) {
  const auto chunks = manifest.chunks();
  GALLEY_TRY(const auto absent, store.missing(chunks));
  if (absent.empty()) return ok();
  return Error{Errc::conflict,
               std::to_string(absent.size()) + " of the manifest's " +
                   std::to_string(chunks.size()) + " chunks are not stored; the first is " +
                   absent.front(),
               {},
               {},
               "upload the missing chunks first"};
}

}  // namespace galley::blobs
