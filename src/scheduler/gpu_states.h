#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "scheduler/pool.h"

namespace galley::scheduler {

/// Numbers for the states of nodes' GPUs, shared by the copies of a Pool. Numbers are never taken
/// back; a Pool moves to a new table when this one has grown past kMost. Thread-safe.
class GpuStates {
 public:
  /// A fleet visits some thousands of states a day; past this number old ones are let go.
  static constexpr std::size_t kMost = 1 << 16;

  GpuStateId number(const GpuState& state);
  GpuState state(GpuStateId id) const;
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;  // guards numbers_ and by_number_
  std::map<GpuState, GpuStateId> numbers_;
  std::vector<const GpuState*> by_number_;  // keys of numbers_, which never move
};

}  // namespace galley::scheduler
