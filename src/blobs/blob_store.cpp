#include "blobs/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/file.h"
#include "base/text.h"

namespace galley::blobs {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kHeaderSlack = 4096;  // a blob's file is its bytes at most, and a header

Error bad_name(std::string_view name) {
  return Error{Errc::invalid_argument,
               "'" + std::string(name.substr(0, 80)) + "' is not the name of a blob",
               {},
               "64 lower-case hexadecimal characters"};
}

WallTime modified(const struct stat& info) {
  return from_ms(std::int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1'000'000);
}

/// A folder's entries; a folder that does not exist has none.
template <class Visit>
Status for_each_entry(const fs::path& folder, Visit visit) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error == std::errc::no_such_file_or_directory) return ok();
  while (!error && entries != fs::directory_iterator()) {
    GALLEY_TRY_STATUS(visit(entries->path()));
    entries.increment(error);
  }
  if (error) return system_error("cannot list " + folder.string(), error.value());
  return ok();
}

/// Deletes its file unless the file has been renamed away.
class TemporaryFile {
 public:
  explicit TemporaryFile(fs::path path) : path_(std::move(path)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!kept_) ::unlink(path_.c_str());
  }
  const fs::path& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  fs::path path_;
  bool kept_ = false;
};

}  // namespace

Result<std::unique_ptr<BlobStore>> BlobStore::open(const fs::path& folder) {
  std::unique_ptr<BlobStore> store(new BlobStore(folder));
  GALLEY_TRY_STATUS(make_folders(store->temporary_folder()));
  if (::access(store->temporary_folder().c_str(), W_OK | X_OK) != 0)
    return system_error("cannot store blobs in " + folder.string(), errno);
  return store;
}

/// 256 folders, so that no folder grows past some thousands of files.
fs::path BlobStore::path_of(std::string_view name) const {
  return folder_ / name.substr(0, 2) / name;
}

Result<std::string> BlobStore::put(std::string_view bytes) {
  std::string name = sha256_hex(bytes);
  GALLEY_TRY_STATUS(store(name, bytes));
  return name;
}

Status BlobStore::put(std::string_view name, std::string_view bytes) {
  if (!is_blob_name(name)) return bad_name(name);
  const std::string found = sha256_hex(bytes);
  if (found != name)
    return Error{Errc::invalid_argument, "the " + std::to_string(bytes.size()) +
                                             " bytes sent as blob " + std::string(name) +
                                             " have the SHA-256 " + found};
  return store(name, bytes);
}

Status BlobStore::store(std::string_view name, std::string_view bytes) {
  if (static_cast<std::int64_t>(bytes.size()) > kMaxBlobBytes)
    return Error{Errc::too_large, "a blob holds at most " + std::to_string(kMaxBlobBytes) +
                                      " bytes, not " + std::to_string(bytes.size())};
  const fs::path target = path_of(name);
  const fs::path folder = target.parent_path();
  // Syncing also on a hit: another thread may have renamed the blob and not yet synced its name.
  if (holds_intact(name)) return sync_folder(folder);

  static std::atomic<unsigned> counter{0};
  TemporaryFile temporary(temporary_folder() /
                          (std::string(name) + "." + std::to_string(::getpid()) + "." +
                           std::to_string(counter.fetch_add(1))));
  const auto failed = [&](int errno_value) {
    return system_error("cannot store blob " + std::string(name), errno_value);
  };
  {
    const UniqueFd fd(
        ::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
    if (!fd) return failed(errno);
    if (auto written = write_all(fd.get(), encode_blob(name, bytes)); !written) {
      Error error = std::move(written).error();
      error.message = "cannot store blob " + std::string(name) + ": " + error.message;
      return error;
    }
    if (::fdatasync(fd.get()) != 0) return failed(errno);
  }
  if (::mkdir(folder.c_str(), 0755) == 0) {
    GALLEY_TRY_STATUS(sync_folder(folder_));
  } else if (errno != EEXIST) {
    return failed(errno);
  }
  if (::rename(temporary.path().c_str(), target.c_str()) != 0) return failed(errno);
  temporary.keep();
  return sync_folder(folder);
}

Result<std::string> BlobStore::get(std::string_view name) const {
  if (!is_blob_name(name)) return bad_name(name);
  auto file = read_file(path_of(name), kMaxBlobBytes + kHeaderSlack);
  if (!file && file.error().code == Errc::not_found)
    return Error{Errc::not_found, "blob " + std::string(name) + " is not stored"};
  if (!file) return std::move(file).error();
  return decode_blob(name, *file);
}

bool BlobStore::has(std::string_view name) const {
  return is_blob_name(name) && ::access(path_of(name).c_str(), F_OK) == 0;
}

/// Marks the blob as used now; false when it is not stored.
bool BlobStore::touch(std::string_view name) {
  const std::lock_guard lock(use_mutex_);
  return ::utimensat(AT_FDCWD, path_of(name).c_str(), nullptr, 0) == 0;
}

/// Reading costs about what compressing anew would, and it heals a damaged blob for good.
bool BlobStore::holds_intact(std::string_view name) { return touch(name) && get(name).has_value(); }

Result<std::vector<std::string>> BlobStore::missing(std::span<const std::string> names) {
  std::vector<std::string> absent;
  for (const std::string& name : names) {
    if (!is_blob_name(name)) return bad_name(name);
    if (!touch(name)) absent.push_back(name);
  }
  return absent;
}

Status BlobStore::remove(std::string_view name) {
  if (!is_blob_name(name)) return bad_name(name);
  if (::unlink(path_of(name).c_str()) != 0 && errno != ENOENT)
    return system_error("cannot remove blob " + std::string(name), errno);
  return ok();
}

Result<bool> BlobStore::remove_unused(std::string_view name, WallTime before) {
  if (!is_blob_name(name)) return bad_name(name);
  const std::lock_guard lock(use_mutex_);
  struct stat info {};
  if (::stat(path_of(name).c_str(), &info) != 0 || modified(info) >= before) return false;
  GALLEY_TRY_STATUS(remove(name));
  return true;
}

Result<std::vector<BlobInfo>> BlobStore::list() const {
  std::vector<BlobInfo> found;
  const auto note = [&](const fs::path& path) -> Status {
    struct stat info {};
    // A blob may be removed while we look; files of other names are not ours to list.
    if (is_blob_name(path.filename().string()) && ::stat(path.c_str(), &info) == 0)
      found.push_back({path.filename(), info.st_size, modified(info)});
    return ok();
  };
  GALLEY_TRY_STATUS(for_each_entry(folder_, [&](const fs::path& folder) -> Status {
    if (folder.filename().string().size() != 2) return ok();
    return for_each_entry(folder, note);
  }));
  return found;
}

Result<std::int64_t> BlobStore::remove_leftovers(WallTime before) {
  std::int64_t count = 0;
  GALLEY_TRY_STATUS(for_each_entry(temporary_folder(), [&](const fs::path& path) -> Status {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && modified(info) < before && ::unlink(path.c_str()) == 0)
      ++count;
    return ok();
  }));
  return count;
}

}  // namespace galley::blobs
