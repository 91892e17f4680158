#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace galley::process {

/// Finds the complete lines that begin with "galley::" in a stream that comes in arbitrary pieces.
/// Longer lines than kMostLineBytes are not progress lines. Remembers at most one line.
/// Cost: one search for the letter g over the bytes.
class ProgressFilter {
 public:
  static constexpr std::string_view kPrefix = "galley::";
  static constexpr std::size_t kMostLineBytes = 64 * 1024;  // without its newline

  /// Appends to `lines` every progress line that the bytes complete, each with its newline.
  void feed(std::string_view bytes, std::string& lines);
  /// The end of the stream also ends the last line.
  void finish(std::string& lines);

 private:
  // matching: at the start of a line, all bytes so far equal the prefix's. collecting: inside a
  // progress line. skipping: inside any other line.
  enum class State { matching, collecting, skipping };

  void match(std::string_view& bytes);
  void collect(std::string_view& bytes, std::string& lines);
  void skip(std::string_view& bytes);

  State state_ = State::matching;
  std::string line_;
};

/// The file `progress` of an attempt: only whole lines, up to a bound; then lines are counted as
/// lost. Not thread-safe.
class ProgressFile {
 public:
  static constexpr std::int64_t kMostBytes = 256 * 1024 * 1024;

  static Result<ProgressFile> open(const std::filesystem::path& path,
                                   std::int64_t most_bytes = kMostBytes);
  /// So that the program of that account may append to it. Errors: those of fchown.
  Status give_to(std::uint32_t uid, std::uint32_t gid);
  void append(std::string_view lines);
  std::int64_t lost_bytes() const { return lost_; }

 private:
  ProgressFile() = default;
  UniqueFd fd_;
  std::int64_t most_bytes_ = kMostBytes;
  std::int64_t size_ = 0;
  std::int64_t lost_ = 0;
};

}  // namespace galley::process
