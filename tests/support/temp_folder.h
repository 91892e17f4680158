#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "base/result.h"

namespace galley::testing {

/// A fresh folder for one test, removed with all that it holds.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "galley-test-XXXXXX").string();
    GALLEY_CHECK(::mkdtemp(pattern.data()) != nullptr, "tests need a writable temporary folder");
    path_ = pattern;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    namespace fs = std::filesystem;
    std::error_code error;
    // A test may have made its tree read-only; what is left undone here shows as debris in /tmp.
    for (const auto& entry : fs::recursive_directory_iterator(path_, error))
      if (entry.is_directory(error) && !entry.is_symlink(error))
        fs::permissions(entry.path(), fs::perms::owner_all, fs::perm_options::add, error);
    fs::remove_all(path_, error);
  }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace galley::testing
