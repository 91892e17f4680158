#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "found_block.h"
#include "protocol/agent_messages.h"
#include "protocol/progress_line.h"

namespace galley::agent {

/// Turns the bytes of an attempt's progress file into reports that its controller applies once.
///
/// A metric of a line without `step` gets one more than the metric's last step, from 0. So that the
/// count goes on after a restart, a follower always reads from the start of the file: what the
/// controller has stored (up to `stored_offset`) is only counted.
///
/// A line that has a step and no metric becomes the metric `step`. Blocks of what was found
/// elsewhere (found_block.h) are told as a whole.
///
/// Pure; one thread. Costs about 1 us a line. Nothing that a program prints is an error: lines that
/// are none of ours, and keys with control characters, are passed over.
class AttemptFollower {
 public:
  /// Bounds of one report. A block of kBlockBytes holds every line that a supervisor writes.
  static constexpr std::size_t kMostPoints = 2'000;
  static constexpr std::size_t kMostFiles = 64;
  static constexpr std::size_t kMostTexts = 256;
  static constexpr std::size_t kBlockBytes = 256 * 1024;

  /// `attempt` gives the ids that reports carry and the folder that relative paths are below.
  struct Subject {
    AttemptId attempt_id;
    JobId job_id;
    RunId run_id;
    std::string workdir;
  };
  AttemptFollower(Subject subject, std::int64_t stored_offset);

  /// Where the bytes of the next take() begin in the file.
  std::int64_t next_offset() const { return next_offset_; }

  /// Reads complete lines of the block, which begins at next_offset(), until the report is full.
  /// True when at least a line was taken. A block of kBlockBytes without a newline is skipped.
  bool take(std::string_view block, WallTime now);

  /// There is something to tell. Lines that say nothing are passed over without a report.
  bool has_report() const;
  /// No further line is taken until report() is called.
  bool is_full() const { return full_; }
  /// The program itself has told something.
  bool has_own_lines() const { return has_own_lines_; }
  /// Gives away what was collected; the next report goes on from its to_offset.
  protocol::ProgressReport report();

 private:
  void add(const protocol::ProgressLine& line, WallTime now);
  bool has_room(const protocol::ProgressLine& line) const;
  bool take_found(std::string_view line, std::int64_t end_offset, WallTime now);
  void recall(const protocol::ProgressLine& line);
  std::int64_t step_for(const std::string& key, const protocol::ProgressLine& line);
  std::string absolute(const std::string& path) const;

  Subject subject_;
  std::int64_t stored_offset_;
  std::int64_t next_offset_ = 0;
  std::int64_t line_number_ = 0;
  bool full_ = false;
  bool has_own_lines_ = false;
  FoundReader found_;
  protocol::ProgressReport report_;
  std::map<std::string, std::int64_t, std::less<>> next_steps_;  // by key; bounded
  std::optional<std::int64_t> last_step_;                        // of the newest line that had one
};

}  // namespace galley::agent
