#include "blobs/materialize.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/text.h"
#include "sha256.h"

namespace galley::blobs {
namespace fs = std::filesystem;
namespace {

/// A tree in the making, removed unless it is renamed into place.
class Workplace {
 public:
  explicit Workplace(fs::path path) : path_(std::move(path)) {}
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  ~Workplace() {
    if (!path_.empty()) (void)remove_tree(path_);
  }
  const fs::path& path() const { return path_; }
  void release() { path_.clear(); }

 private:
  fs::path path_;
};

Status write_one(const ManifestFile& file, const BlobStore& store, const fs::path& path) {
  GALLEY_TRY_STATUS(make_folders(path.parent_path()));
  const mode_t mode = file.executable ? 0555 : 0444;
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  // The process's umask may have taken bits away that the tree promises.
  if (!fd || ::fchmod(fd.get(), mode) != 0)
    return system_error("cannot write " + path.string(), errno);
  std::int64_t size = 0;
  Sha256 whole;
  for (const std::string& chunk : file.chunks) {
    GALLEY_TRY(const auto bytes, store.get(chunk));
    size += static_cast<std::int64_t>(bytes.size());
    whole.add(bytes);
    auto written = write_all(fd.get(), bytes);
    if (!written) {
      Error error = std::move(written).error();
      error.message = "cannot write " + path.string() + ": " + error.message;
      return error;
    }
  }
  // The chunks are sound, so what does not fit is a manifest that was made wrongly.
  if (size != file.size_bytes || whole.hex() != file.sha256)
    return Error{Errc::corrupt, "the chunks of " + file.path + " have " + std::to_string(size) +
                                    " bytes that are not those of its manifest (" +
                                    std::to_string(file.size_bytes) + " bytes, SHA-256 " +
                                    file.sha256 + ")"};
  // File by file and not by syncfs, which would also wait for whatever a job is writing meanwhile.
  if (::fsync(fd.get()) != 0) return system_error("cannot sync " + path.string(), errno);
  return ok();
}

Status set_folder_modes(const fs::path& top, mode_t mode) {
  std::error_code error;
  if (::chmod(top.c_str(), mode) != 0) return system_error("cannot chmod " + top.string(), errno);
  for (fs::recursive_directory_iterator entries(top, error);
       !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    if (!fs::is_directory(entries->symlink_status())) continue;
    if (::chmod(entries->path().c_str(), mode) != 0)
      return system_error("cannot chmod " + entries->path().string(), errno);
  }
  if (error) return system_error("cannot list " + top.string(), error.value());
  return ok();
}

/// Makes the names in the folder and in all folders below it durable.
Status sync_folders(const fs::path& top) {
  std::error_code error;
  GALLEY_TRY_STATUS(sync_folder(top));
  for (fs::recursive_directory_iterator entries(top, error);
       !error && entries != fs::recursive_directory_iterator(); entries.increment(error))
    if (fs::is_directory(entries->symlink_status()))
      GALLEY_TRY_STATUS(sync_folder(entries->path()));
  if (error) return system_error("cannot list " + top.string(), error.value());
  return ok();
}

}  // namespace

Status materialize(const Manifest& manifest, const BlobStore& store, const fs::path& target) {
  const auto exists = [&] {
    return Error{Errc::conflict, "cannot write " + target.string() + ": it exists already"};
  };
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(target, ignored))) return exists();

  Workplace tree(target.parent_path() / (".making-" + random_hex(8)));
  GALLEY_TRY_STATUS(make_folders(tree.path()));
  for (const ManifestFile& file : manifest.files) {
    GALLEY_TRY_STATUS(check_path(file.path));
    GALLEY_TRY_STATUS(write_one(file, store, tree.path() / file.path));
  }
  GALLEY_TRY_STATUS(set_folder_modes(tree.path(), 0555));
  GALLEY_TRY_STATUS(sync_folders(tree.path()));
  // Renaming a folder changes its "..", for which a read-only one is refused to all but root.
  if (::chmod(tree.path().c_str(), 0755) != 0) return system_error("cannot chmod", errno);
  if (::rename(tree.path().c_str(), target.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) return exists();
    return system_error("cannot write " + target.string(), errno);
  }
  tree.release();
  if (::chmod(target.c_str(), 0555) != 0)
    return system_error("cannot chmod " + target.string(), errno);
  return sync_folder(target.has_parent_path() ? target.parent_path() : ".");
}

Status remove_tree(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return ok();
  GALLEY_TRY_STATUS(set_folder_modes(folder, 0755));
  fs::remove_all(folder, error);
  if (error) return system_error("cannot remove " + folder.string(), error.value());
  return ok();
}

}  // namespace galley::blobs
