#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace galley::app {

/// The folder that holds all that an installation knows, locked by this process while it exists, or
/// shared where several controllers use one PostgreSQL.
class DataFolder {
 public:
  /// Makes it (0700) if absent, locks it, and reads or makes its secrets (0600).
  /// Errors: conflict (another process holds it; its pid), forbidden, exhausted.
  static Result<DataFolder> open(const std::filesystem::path& path);
  /// Likewise, without the lock: the folder is shared by several controllers, which agree among
  /// themselves who leads.
  static Result<DataFolder> open_shared(const std::filesystem::path& path);

  /// For a machine where jobs run as other accounts: they may pass through the folder to their own,
  /// and all else in it is closed to them. Errors: forbidden.
  Status let_jobs_pass() const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  const std::string& token() const { return token_; }
  const std::string& secret() const { return secret_; }

 private:
  Status read_secrets();
  DataFolder(std::filesystem::path path, UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  UniqueFd lock_;  // flock: the kernel frees it however we end; none when shared
  std::string token_;
  std::string secret_;
};

}  // namespace galley::app
