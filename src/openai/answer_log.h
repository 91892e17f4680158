#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace galley::openai {

/// The answers of a batch as they come, durable: "INDEX STATUS LINE\n" each. A crash can only cut
/// the last one short, which is dropped when the log is opened again. One thread.
class AnswerLog {
 public:
  /// Reads which lines are answered. Errors: corrupt (not our form), those of the file system.
  static Result<AnswerLog> open(const std::filesystem::path& path, std::size_t lines);

  bool has(std::size_t index) const { return answered_[index]; }
  std::int64_t completed() const { return completed_; }
  std::int64_t failed() const { return failed_; }

  /// Not durable before sync().
  Status append(std::size_t index, int status, std::string_view line);
  Status sync();

  /// Both files of a finished batch, in the order of the input.
  struct Files {
    std::string output;
    std::string errors;
  };
  Result<Files> sorted() const;

 private:
  AnswerLog(std::filesystem::path path, std::size_t lines)
      : path_(std::move(path)), answered_(lines) {}
  Status read();
  void count(std::size_t index, int status);

  std::filesystem::path path_;
  UniqueFd fd_;
  std::vector<bool> answered_;
  std::int64_t completed_ = 0;
  std::int64_t failed_ = 0;
};

}  // namespace galley::openai
