#include "frozen_files.h"

#include "base/file.h"
#include "blobs/freeze.h"
#include "blobs/materialize.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;

/// A folder that holds one file, because only folders can be frozen.
class OneFileFolder {
 public:
  explicit OneFileFolder(fs::path path) : path_(std::move(path)) {
    (void)blobs::remove_tree(path_);
  }
  OneFileFolder(const OneFileFolder&) = delete;
  OneFileFolder& operator=(const OneFileFolder&) = delete;
  ~OneFileFolder() { (void)blobs::remove_tree(path_); }

  /// A second name for the file where the file system allows, else a copy.
  Status hold(const fs::path& file, const fs::path& name) {
    GALLEY_TRY_STATUS(make_folders(path_));
    std::error_code error;
    fs::create_hard_link(file, path_ / name, error);
    if (!error) return ok();
    fs::copy_file(file, path_ / name, error);
    if (error) return system_error("cannot copy " + file.string(), error.value());
    return ok();
  }

 private:
  fs::path path_;
};

std::string name_below(const fs::path& path, const fs::path& workdir) {
  const fs::path relative = path.lexically_relative(workdir);
  if (relative.empty() || *relative.begin() == ".." || relative == ".") return path.string();
  return relative.string();
}

Result<FrozenFile> freeze_one(const protocol::ProgressReport::File& file, const fs::path& workdir,
                              const fs::path& scratch, blobs::BlobStore& blobs) {
  std::error_code error;
  const fs::path real = fs::canonical(file.path, error);
  if (error) return system_error("it cannot be opened", error.value());
  const bool is_folder = fs::is_directory(real, error);
  if (!is_folder && !fs::is_regular_file(real, error))
    return Error{Errc::invalid_argument, "it is neither a file nor a folder"};
  FrozenFile frozen{.path = name_below(file.path, workdir),
                    .kind = file.checkpoint ? "checkpoint"
                            : is_folder     ? "folder"
                                            : "file"};
  OneFileFolder holder(scratch);
  if (!is_folder) {
    fs::path name = fs::path(file.path).filename();
    if (name.empty()) name = real.filename();
    GALLEY_TRY_STATUS(holder.hold(real, name));
  }
  GALLEY_TRY(const blobs::Frozen content, blobs::freeze(is_folder ? real : scratch, blobs));
  frozen.manifest_sha256 = content.name;
  frozen.size_bytes = content.manifest.size_bytes();
  return frozen;
}

}  // namespace

FrozenFiles freeze_files(const std::vector<protocol::ProgressReport::File>& files,
                         const fs::path& workdir, const fs::path& scratch,
                         blobs::BlobStore& blobs) {
  FrozenFiles all;
  for (const auto& file : files) {
    auto frozen = freeze_one(file, workdir, scratch, blobs);
    if (frozen) {
      all.files.push_back(*std::move(frozen));
      continue;
    }
    if (!all.faults.empty()) all.faults += "; ";
    all.faults +=
        "'" + name_below(file.path, workdir) + "' was not kept: " + describe(frozen.error());
  }
  return all;
}

}  // namespace galley::agent
