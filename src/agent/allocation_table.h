#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/ids.h"

namespace galley::agent {

/// What this machine has given to one attempt.
struct Allocation {
  AttemptId attempt;
  JobId job;
  std::int64_t rank = 0;
  std::vector<std::string> devices;  // UUIDs
  std::int64_t milli = 1000;         // thousandths of each
  bool live = true;                  // something of it may run; else only its folder is left
  bool operator==(const Allocation&) const = default;
};

/// Who has which GPU of this machine, by UUID, as the agent itself remembers it: the last guard
/// against a controller that is wrong, be it a stale leader or a database set back. On disk before
/// anything starts, so it holds after a SIGKILL.
///
/// Thread-safe. A change is one small file written in one step; taking also waits for the disk.
class AllocationTable {
 public:
  /// Errors: corrupt (a file that is not ours), those of the file system.
  static Result<std::unique_ptr<AllocationTable>> open(std::filesystem::path file);

  /// Idempotent. Errors: conflict (a live attempt has the GPU; both are named), exhausted (disk
  /// full: nothing was taken).
  Status take(Allocation allocation);
  /// Nothing of it runs any more.
  void end(const AttemptId& attempt);
  /// Its folder is gone as well.
  void forget(const AttemptId& attempt);

  std::vector<Allocation> all() const;
  bool holds(const AttemptId& attempt) const;

 private:
  explicit AllocationTable(std::filesystem::path file) : file_(std::move(file)) {}
  void save_locked();

  const std::filesystem::path file_;
  mutable std::mutex mutex_;  // guards table_ and the file
  std::vector<Allocation> table_;
};

/// The text of the table's file, and back. Pure. Errors: corrupt.
std::string print_allocations(const std::vector<Allocation>& table);
Result<std::vector<Allocation>> parse_allocations(std::string_view text);
/// Whether the attempt may have its GPUs beside what the table gives away. Pure. Errors: conflict.
Status check_free(const std::vector<Allocation>& table, const Allocation& wanted);

}  // namespace galley::agent
