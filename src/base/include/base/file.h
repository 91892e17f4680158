#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley {

/// Owns a file descriptor; closes it when it goes.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept;
  void reset() noexcept;

 private:
  int fd_ = -1;
};

/// Opens /dev/null in the place of standard input, output and errors where they were closed, or the
/// next file or socket would get their number and what is printed would be written into it. First
/// thing in a program. Errors: those of opening.
Status open_standard_streams();

/// The whole file. Errors: not_found, forbidden, too_large when it holds more than max_bytes.
Result<std::string> read_file(const std::filesystem::path& path, std::int64_t max_bytes);

/// Writes all of the bytes to the descriptor, retrying short writes.
Status write_all(int fd, std::string_view bytes);

enum class Durability { memory, disk };  // disk: file and folder are fsynced before we return

/// Replaces the file in one step: readers see the old bytes or the new, never a mixture; on failure
/// the old file stays and the temporary one is removed. Errors: exhausted (disk full), forbidden.
Status write_file_atomic(const std::filesystem::path& path, std::string_view bytes,
                         Durability durability, unsigned mode = 0644);

/// Makes the names in a folder durable.
Status sync_folder(const std::filesystem::path& folder);

/// mkdir -p. Errors name the folder and the reason.
Status make_folders(const std::filesystem::path& folder);

}  // namespace galley
