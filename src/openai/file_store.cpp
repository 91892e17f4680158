#include "file_store.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace galley::openai {
namespace {

constexpr std::int64_t kMaxMetaBytes = 64 << 10;
constexpr std::string_view kMeta = ".json";

Result<StoredFile> read_meta(const std::filesystem::path& path) {
  GALLEY_TRY(const std::string text, read_file(path, kMaxMetaBytes));
  GALLEY_TRY(const Json json, parse_json(text));
  if (!json.is_object() || !json.value("id", Json()).is_string() ||
      !json.value("filename", Json()).is_string() || !json.value("purpose", Json()).is_string() ||
      !json.value("bytes", Json()).is_number_integer() ||
      !json.value("created_at", Json()).is_number_integer())
    return Error{Errc::corrupt, path.string() + " does not describe a file"};
  return StoredFile{json["id"], json["filename"], json["purpose"], json["bytes"],
                    json["created_at"]};
}

}  // namespace

Json print_file(const StoredFile& file) {
  return {{"id", file.id},         {"object", "file"},
          {"bytes", file.bytes},   {"created_at", file.created_s},
          {"filename", file.name}, {"purpose", file.purpose},
          {"status", "processed"}};
}

Result<std::unique_ptr<FileStore>> FileStore::open(std::filesystem::path folder, const Clock& clock,
                                                   IdSource& ids) {
  GALLEY_TRY_STATUS(make_folders(folder));
  std::unique_ptr<FileStore> store(new FileStore(std::move(folder), clock, ids));
  GALLEY_TRY_STATUS(store->read_folder());
  return store;
}

Status FileStore::read_folder() {
  std::error_code failed;
  std::vector<std::filesystem::path> content;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, failed)) {
    if (entry.path().extension() != kMeta) {
      content.push_back(entry.path());
      continue;
    }
    auto file = read_meta(entry.path());
    if (!file)
      log::warn("openai", "a stored file is skipped", {{"reason", describe(file.error())}});
    else if (file->id == entry.path().stem())
      files_[file->id] = *std::move(file);
  }
  if (failed) return system_error("cannot read " + folder_.string(), failed.value());
  for (const auto& path : content)
    if (!files_.contains(path.filename().string())) std::filesystem::remove(path, failed);
  return ok();
}

std::string FileStore::new_id() { return "file-" + ids_.next_body(); }

Result<StoredFile> FileStore::add(std::string_view name, std::string_view purpose,
                                  std::string_view bytes, std::string id) {
  {
    const std::lock_guard lock(mutex_);
    if (files_.size() >= kMaxFiles)
      return Error{Errc::exhausted,
                   "there are " + std::to_string(kMaxFiles) + " files already",
                   "file",
                   {},
                   "delete some"};
  }
  StoredFile file{.id = id.empty() ? new_id() : std::move(id),
                  .name = to_valid_utf8(name.substr(0, 255)),
                  .purpose = std::string(purpose),
                  .bytes = static_cast<std::int64_t>(bytes.size()),
                  .created_s = to_ms(clock_.wall()) / 1000};
  GALLEY_TRY_STATUS(write_file_atomic(folder_ / file.id, bytes, Durability::disk, 0600));
  GALLEY_TRY_STATUS(write_file_atomic(folder_ / (file.id + std::string(kMeta)),
                                      dump_json(print_file(file)), Durability::disk, 0600));
  const std::lock_guard lock(mutex_);
  files_[file.id] = file;
  return file;
}

Result<StoredFile> FileStore::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(id);
  if (found != files_.end()) return found->second;
  return Error{Errc::not_found,
               "there is no file '" + to_valid_utf8(std::string(id).substr(0, 64)) + "'"};
}

std::vector<StoredFile> FileStore::list() const {
  std::vector<StoredFile> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, file] : files_) all.push_back(file);
  }
  std::ranges::reverse(all);  // ids sort by time
  return all;
}

Status FileStore::remove(const std::string& id) {
  GALLEY_TRY_STATUS(find(id));
  std::error_code failed;
  // The description first: a crash between the two leaves bytes that the next start removes.
  std::filesystem::remove(folder_ / (id + std::string(kMeta)), failed);
  if (failed) return system_error("cannot delete " + id, failed.value());
  std::filesystem::remove(folder_ / id, failed);
  const std::lock_guard lock(mutex_);
  files_.erase(id);
  return ok();
}

}  // namespace galley::openai
