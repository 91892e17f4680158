#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "holders.h"
#include "store/database.h"
#include "telemetry/usage.h"

namespace galley::telemetry {

/// GPU-seconds of jobs in the current hour, which the database gets as they grow. What it gets are
/// sums, so that writing twice changes nothing. Not thread-safe.
class UsageBook {
 public:
  struct Entry {
    std::string team;
    std::string user;
    double measured_s = 0;
    double used_s = 0;
    double idle_s = 0;
  };
  using Key = std::pair<std::int64_t, std::string>;  // hour, job

  /// Goes on with what is stored of this hour.
  Status load(store::Transaction& transaction, std::int64_t now_ms);

  struct Use {
    double gpu_s = 0;  // time that passed, by the share that is held
    double utilization_ratio = 0;
    bool idle = false;
  };
  void add(std::int64_t now_ms, const Holder& holder, const Use& use);

  /// What the database does not have yet. Once it has it, stored() lets hours that are over go.
  using Changes = std::map<Key, Entry>;
  Changes changes() const;
  void stored(const Changes& changes, std::int64_t now_ms);

 private:
  std::map<Key, Entry> entries_;
  std::map<Key, double> stored_s_;  // measured_s as the database has it
};

Status put_usage(store::Transaction& transaction, const UsageBook::Changes& changes);
Status prune_usage(store::Transaction& transaction, std::int64_t now_ms);

/// Allocated hours come from allocations, the others from what was measured.
Result<UsageReport> read_usage(store::Transaction& transaction, WallTime from, WallTime to,
                               WallTime now, GroupBy by);

}  // namespace galley::telemetry
