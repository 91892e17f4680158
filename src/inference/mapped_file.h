#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace galley::inference {

/// A file's bytes, mapped read-only. Pages are read when they are first touched. A file that
/// someone shortens meanwhile ends the process on the next touch, as with every mapping: model
/// files are replaced by renaming, never in place.
class MappedFile {
 public:
  /// Errors: not_found, forbidden, invalid_argument (a folder, a device, an empty file).
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::string_view bytes() const { return {static_cast<const char*>(address_), size_}; }
  bool contains(const void* address) const;
  /// Takes the pages that hold any of these bytes out of our resident memory; they stay in the
  /// page cache, and touching them again brings them back.
  void release(const void* begin, std::size_t size) const;

 private:
  MappedFile(void* address, std::size_t size) : address_(address), size_(size) {}
  void* address_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace galley::inference
