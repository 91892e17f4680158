#pragma once

#include <vector>

#include "jobs.h"

namespace galley::scheduler {

/// The typical runtime of the job; ten minutes where nothing is known.
Millis length_of(const Job& job);

/// When a running job is expected to end: as its progress says, else after its typical runtime; and
/// once that has passed, half as long again, and so on. A job of which nothing is known is taken
/// for a ten-minute one, so that the longer it has run, the longer it is expected to go on. A
/// function of the job and the time alone, so that a scheduler rebuilt from the store expects the
/// same.
WallTime expected_end(const Job& job, WallTime now);

/// When how many GPUs of each node will be free, from the expected ends of what runs there.
/// Kept between passes; a node is worked out again when what it runs has changed or an expected end
/// has passed. Not thread-safe.
class Releases {
 public:
  void reset(std::size_t nodes);
  void touch(NodeIndex node) { nodes_[static_cast<std::size_t>(node)].fresh = false; }

  /// When `gpus` whole GPUs in service will be free together; never: nothing.
  std::optional<WallTime> when_free(NodeIndex node, int gpus, const Pool& pool, const Jobs& jobs,
                                    const std::vector<JobIndex>& on_node, WallTime now);

 private:
  struct Node {
    bool fresh = false;
    WallTime valid_until{};
    std::vector<WallTime> when;  // [n]: n + 1 GPUs are free
  };
  void work_out(NodeIndex node, const Pool& pool, const Jobs& jobs,
                const std::vector<JobIndex>& on_node, WallTime now);

  std::vector<Node> nodes_;
};

}  // namespace galley::scheduler
