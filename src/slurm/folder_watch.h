#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "protocol/ids.h"

namespace galley::slurm {

/// Tells in which attempts' folders a file has got its final name. Only what this machine's kernel
/// hears of: files that another one writes to a network disk are not told. add(), remove() and
/// wake() from any thread, wait() from one.
class FolderWatch {
 public:
  static Result<FolderWatch> open();

  /// A folder that cannot be watched (the user's watches are used up) is not: somebody has to look
  /// now and then anyway.
  void add(const AttemptId& attempt, const std::filesystem::path& folder);
  void remove(const AttemptId& attempt);

  /// The attempts with news, or nothing when the time has passed or wake() was called.
  std::set<AttemptId> wait(Millis timeout);
  void wake();

 private:
  FolderWatch(UniqueFd notify, UniqueFd event)
      : notify_(std::move(notify)), event_(std::move(event)) {}

  UniqueFd notify_;
  UniqueFd event_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  // guards the maps
  std::map<int, AttemptId> attempts_;                                   // by watch
  std::map<AttemptId, int> watches_;
};

}  // namespace galley::slurm
