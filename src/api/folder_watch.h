#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/file.h"
#include "base/result.h"

namespace galley::api {

/// Learns from the kernel that files in folders have grown or appeared. Not thread-safe.
class FolderWatch {
 public:
  /// Errors: exhausted (no instance left for this user).
  static Result<FolderWatch> open();

  /// Counts one more interest in the folder. False when it is not there or no watch is left: the
  /// caller must look by itself then.
  bool add(const std::string& folder);
  void remove(const std::string& folder);

  /// Readable for poll when something has changed.
  int fd() const { return fd_.get(); }
  /// The folders in which something has changed since the last call. Does not block.
  std::set<std::string> take_changes();

 private:
  struct Watched {
    int descriptor = -1;
    int interests = 0;
  };
  explicit FolderWatch(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
  std::unordered_map<std::string, Watched> folders_;
  std::unordered_map<int, std::string> by_descriptor_;
};

}  // namespace galley::api
