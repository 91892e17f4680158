#include "upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/units.h"
#include "blobs/freeze.h"
#include "blobs/manifest.h"
#include "fields.h"
#include "progress.h"

namespace galley::cli {
namespace fs = std::filesystem;
namespace {

/// How many chunks a folder has, for the bar; whatever is wrong with it, freeze() will say.
std::int64_t count_chunks(const fs::path& folder) {
  std::int64_t chunks = 0;
  std::error_code error;
  fs::recursive_directory_iterator entries(folder, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    std::error_code ignored;
    if (!entries->is_regular_file(ignored)) continue;
    const auto size = static_cast<std::int64_t>(entries->file_size(ignored));
    if (!ignored) chunks += (size + blobs::kChunkBytes - 1) / blobs::kChunkBytes;
  }
  return chunks;
}

class ServerSink final : public blobs::ChunkSink {
 public:
  ServerSink(Session& session, Progress& progress, std::int64_t chunk_count)
      : session_(session), progress_(progress), chunk_count_(chunk_count) {}

  Result<std::vector<std::string>> missing(std::span<const std::string> names) override {
    const Json asked{{"hashes", std::vector<std::string>(names.begin(), names.end())}};
    GALLEY_TRY(const Json answer, session_.post("/api/v1/blobs/missing", asked));
    const Json& list = child_of(answer, "missing");
    if (!list.is_array())
      return Error{Errc::corrupt, "the server did not say which chunks it lacks"};
    std::vector<std::string> absent;
    for (const Json& name : list)
      if (name.is_string()) absent.push_back(name.get<std::string>());
    passed_ += static_cast<std::int64_t>(names.size()) - static_cast<std::int64_t>(absent.size());
    draw();
    return absent;
  }

  Status put(const std::string& name, std::string_view bytes) override {
    http::Client::Call call{
        .method = "PUT", .target = "/api/v1/blobs/" + name, .body = std::string(bytes)};
    call.headers.set("Content-Type", "application/octet-stream");
    GALLEY_TRY_STATUS(session_.send(std::move(call)));
    sent_bytes_ += static_cast<std::int64_t>(bytes.size());
    ++passed_;
    draw();
    return ok();
  }

  std::int64_t sent_bytes() const { return sent_bytes_; }

 private:
  void draw() {
    const double total = static_cast<double>(std::max<std::int64_t>(chunk_count_, 1));
    progress_.show(static_cast<double>(passed_) / total, "sent " + format_bytes(sent_bytes_));
  }

  Session& session_;
  Progress& progress_;
  std::int64_t chunk_count_;
  std::int64_t passed_ = 0;
  std::int64_t sent_bytes_ = 0;
};

/// A folder that holds some files under their own names, since only folders are frozen.
class FolderOfFiles {
 public:
  static Result<FolderOfFiles> make(std::span<const fs::path> files) {
    std::error_code error;
    // Beside the files, a second name of one costs nothing; elsewhere it may take a copy.
    const fs::path beside = fs::absolute(files.front(), error).parent_path();
    for (const fs::path& place :
         {beside / ".galley-push-XXXXXX", fs::temp_directory_path(error) / "galley-push-XXXXXX"}) {
      std::string pattern = place.string();
      if (::mkdtemp(pattern.data()) == nullptr) continue;
      FolderOfFiles made{fs::path(pattern)};
      GALLEY_TRY_STATUS(made.add(files));
      return made;
    }
    return system_error("cannot make a temporary folder", errno);
  }
  FolderOfFiles(FolderOfFiles&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
  FolderOfFiles& operator=(FolderOfFiles&&) = delete;
  ~FolderOfFiles() {
    std::error_code error;
    if (!folder_.empty()) fs::remove_all(folder_, error);
  }
  const fs::path& folder() const { return folder_; }

 private:
  explicit FolderOfFiles(fs::path folder) : folder_(std::move(folder)) {}

  Status add(std::span<const fs::path> files) {
    for (const fs::path& file : files) {
      std::error_code error;
      const fs::path target = fs::canonical(file, error);
      fs::create_hard_link(target, folder_ / file.filename(), error);
      if (error) fs::copy_file(target, folder_ / file.filename(), error);
      if (error) return system_error("cannot read " + file.string(), error.value());
    }
    return ok();
  }

  fs::path folder_;
};

Result<Uploaded> upload_folder(Session& session, const fs::path& folder, const std::string& title) {
  Progress progress(title, session.terminal.err_is_terminal);
  ServerSink sink(session, progress, count_chunks(folder));
  GALLEY_TRY(const blobs::Manifest manifest, blobs::freeze(folder, sink));
  GALLEY_TRY(Json json, parse_json(blobs::print_manifest(manifest)));
  return Uploaded{std::move(json), sink.sent_bytes(), manifest.size_bytes()};
}

}  // namespace

Result<Uploaded> upload(Session& session, const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (!fs::exists(status))
    return Error{Errc::not_found, fmt::format("there is no file or folder '{}'", path.string())};
  const std::string title = fs::absolute(path, error).filename().string();
  if (!fs::is_regular_file(status)) return upload_folder(session, path, title);
  return upload_files(session, std::span(&path, 1), title);
}

Result<Uploaded> upload_files(Session& session, std::span<const fs::path> files,
                              const std::string& title) {
  GALLEY_TRY(const FolderOfFiles folder, FolderOfFiles::make(files));
  return upload_folder(session, folder.folder(), title);
}

}  // namespace galley::cli
