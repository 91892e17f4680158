#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "protocol/samples.h"

namespace galley::agent {

/// Follows the kernel log for Xids: /dev/kmsg, or a file that grows (and may be replaced). What was
/// in the log at the first start is history; after a restart of the agent it goes on where it was,
/// by a small file in DATA, so that nothing is told twice and nothing is missed in between.
/// Without the right to read the log there are no events. Never blocks. Not thread-safe.
class KernelLog {
 public:
  KernelLog(std::filesystem::path path, std::filesystem::path position_file);
  /// What is new since the last call, at most kMostEvents; the rest comes next time.
  std::vector<protocol::XidEvent> read();

  static constexpr std::size_t kMostEvents = 256;

 private:
  void open();
  void go_on_from_position();
  void take_line(std::string_view line, std::vector<protocol::XidEvent>& events);
  void read_records(std::vector<protocol::XidEvent>& events);
  void read_file_lines(std::vector<protocol::XidEvent>& events);
  void save_position() const;

  const std::filesystem::path path_;
  const std::filesystem::path position_file_;
  const bool is_device_;
  UniqueFd fd_;
  std::string boot_;           // records of another boot have other numbers
  std::int64_t position_ = 0;  // the next record's number, or the offset in the file
  std::string rest_;           // of a line that has no end yet
};

}  // namespace galley::agent
