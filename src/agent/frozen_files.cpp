#include "frozen_files.h"

#include "blobs/freeze.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;

/// The store's files are ours, whoever's rights the thread has while it reads.
class OurSink final : public blobs::ChunkSink {
 public:
  OurSink(blobs::BlobStore& store, const FileReader& reader) : store_(store), reader_(reader) {}
  Result<std::vector<std::string>> missing(std::span<const std::string> names) override {
    const FileReader::OwnRights ours(reader_);
    return store_.missing(names);
  }
  Status put(const std::string&, std::string_view bytes) override {
    const FileReader::OwnRights ours(reader_);
    GALLEY_TRY_STATUS(store_.put(bytes));
    return ok();
  }

 private:
  blobs::BlobStore& store_;
  const FileReader& reader_;
};

std::string name_below(const fs::path& path, const fs::path& workdir) {
  const fs::path relative = path.lexically_relative(workdir);
  if (relative.empty() || *relative.begin() == ".." || relative == ".") return path.string();
  return relative.string();
}

struct Content {
  blobs::Manifest manifest;
  bool is_folder = false;
};

Result<Content> read_content(const std::string& path, const FileReader& reader,
                             blobs::ChunkSink& sink) {
  const FileReader::Rights rights(reader);
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return system_error("it cannot be opened", error.value());
  Content content{.is_folder = fs::is_directory(real, error)};
  if (content.is_folder) {
    GALLEY_TRY(content.manifest, blobs::freeze(real, sink));
    return content;
  }
  if (!fs::is_regular_file(real, error))
    return Error{Errc::invalid_argument, "it is neither a file nor a folder"};
  fs::path name = fs::path(path).filename();
  if (name.empty()) name = real.filename();
  GALLEY_TRY(content.manifest, blobs::freeze_file(real, name.string(), sink));
  return content;
}

Result<FrozenFile> freeze_one(const protocol::ProgressReport::File& file, const fs::path& workdir,
                              const FileReader& reader, blobs::BlobStore& blobs) {
  OurSink sink(blobs, reader);
  GALLEY_TRY(const Content content, read_content(file.path, reader, sink));
  FrozenFile frozen{.path = name_below(file.path, workdir),
                    .kind = file.checkpoint     ? "checkpoint"
                            : content.is_folder ? "folder"
                                                : "file",
                    .size_bytes = content.manifest.size_bytes(),
                    .step = file.step};
  GALLEY_TRY(frozen.manifest_sha256, blobs.put(blobs::print_manifest(content.manifest)));
  return frozen;
}

}  // namespace

FrozenFiles freeze_files(const std::vector<protocol::ProgressReport::File>& files,
                         const fs::path& workdir, const FileReader& reader,
                         blobs::BlobStore& blobs) {
  FrozenFiles all;
  for (const auto& file : files) {
    auto frozen = freeze_one(file, workdir, reader, blobs);
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
