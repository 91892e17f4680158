#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "base/result.h"

namespace galley::support {

/// A fresh folder, removed with all that it holds when this goes.
class ScratchFolder {
 public:
  /// In the system's folder for temporary files. Errors: forbidden, exhausted.
  static Result<ScratchFolder> make() {
    std::string pattern = (std::filesystem::temp_directory_path() / "galley-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      return system_error("cannot make the folder " + pattern, errno);
    return ScratchFolder(pattern);
  }
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace galley::support
