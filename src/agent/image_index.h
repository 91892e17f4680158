#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "protocol/records.h"

namespace galley::agent {

/// Which images jobs have used here, with their sizes and how long they took to come: on disk, so
/// that the scheduler knows after a restart too. Not thread-safe.
class ImageIndex {
 public:
  static constexpr std::size_t kMost = 512;  // the one used longest ago goes first

  /// A file that cannot be read counts as empty: what it says is found out again.
  static ImageIndex open(std::filesystem::path file);

  /// Notes that it is here and in use now. What is known of its coming is kept where `record` says
  /// nothing.
  void put(protocol::ContentRecord record);
  void remove(const std::string& name);
  const std::vector<protocol::ContentRecord>& all() const { return records_; }

 private:
  void save() const;

  std::filesystem::path file_;
  std::vector<protocol::ContentRecord> records_;  // by use, the latest last
};

}  // namespace galley::agent
