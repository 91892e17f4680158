#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/file.h"

namespace galley::inference {

/// A file that appears under its name only when it is whole: written beside it under a name of its
/// own, which goes again when commit() was never called. write_at is safe from any thread.
class OutputFile {
 public:
  /// Takes `size_bytes` on disk at once where the file system can, so that a disk too small says so
  /// at the start. Errors: exhausted, forbidden, not_found (the folder).
  static Result<OutputFile> create(const std::filesystem::path& path, std::uint64_t size_bytes);
  OutputFile(OutputFile&& other) noexcept = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  Status write_at(std::uint64_t offset, std::string_view bytes) const;
  Status commit();

 private:
  OutputFile(std::filesystem::path path, std::filesystem::path temporary, UniqueFd file)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  UniqueFd file_;
};

}  // namespace galley::inference
