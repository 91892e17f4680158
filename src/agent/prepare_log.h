#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string_view>

#include "base/file.h"

namespace galley::agent {

/// What is printed while an attempt is prepared, at the beginning of the log that its supervisor
/// goes on with. At most kMostBytes; the rest is replaced by one line. Thread-safe. What cannot be
/// written is left out: a log is no reason to fail a job.
class PrepareLog {
 public:
  static constexpr std::int64_t kMostBytes = std::int64_t{4} << 20;

  /// `log_limit_bytes` is that of the whole log; the preparation gets a quarter at most.
  PrepareLog(const std::filesystem::path& attempt_folder, std::int64_t log_limit_bytes);
  void write(std::string_view bytes);
  /// A sentence of ours, on a line of its own.
  void note(std::string_view sentence);

 private:
  void write_locked(std::string_view bytes);

  std::mutex mutex_;  // guards what follows
  UniqueFd file_;
  std::int64_t room_ = 0;
  bool at_line_start_ = true;
};

}  // namespace galley::agent
