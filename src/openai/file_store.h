#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/result.h"

namespace galley::openai {

inline constexpr std::size_t kMaxFiles = 10'000;

struct StoredFile {
  std::string id;  // "file-…"
  std::string name;
  std::string purpose;  // "batch", "batch_output"
  std::int64_t bytes = 0;
  std::int64_t created_s = 0;
};
Json print_file(const StoredFile& file);

/// Uploaded files and those that batches write, in a folder: ID holds the bytes, ID.json the rest.
/// A file is there once its .json is; what a crash left without one is removed. Thread-safe.
class FileStore {
 public:
  static Result<std::unique_ptr<FileStore>> open(std::filesystem::path folder, const Clock& clock,
                                                 IdSource& ids);

  /// Durable when it returns. `id` empty: a new one; else it replaces what has it.
  /// Errors: exhausted (the disk, or kMaxFiles).
  Result<StoredFile> add(std::string_view name, std::string_view purpose, std::string_view bytes,
                         std::string id = {});
  std::string new_id();
  /// Errors: not_found.
  Result<StoredFile> find(std::string_view id) const;
  /// Newest first.
  std::vector<StoredFile> list() const;
  std::filesystem::path path_of(const std::string& id) const { return folder_ / id; }
  /// Errors: not_found, forbidden.
  Status remove(const std::string& id);

 private:
  FileStore(std::filesystem::path folder, const Clock& clock, IdSource& ids)
      : folder_(std::move(folder)), clock_(clock), ids_(ids) {}
  Status read_folder();

  const std::filesystem::path folder_;
  const Clock& clock_;
  IdSource& ids_;
  mutable std::mutex mutex_;  // guards files_
  std::map<std::string, StoredFile, std::less<>> files_;
};

}  // namespace galley::openai
