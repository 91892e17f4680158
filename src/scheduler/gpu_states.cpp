#include "gpu_states.h"

namespace galley::scheduler {

GpuStateId GpuStates::number(const GpuState& state) {
  const std::scoped_lock lock(mutex_);
  const auto [found, added] =
      numbers_.try_emplace(state, GpuStateId{static_cast<std::uint32_t>(by_number_.size())});
  if (added) by_number_.push_back(&found->first);
  return found->second;
}

GpuState GpuStates::state(GpuStateId id) const {
  const std::scoped_lock lock(mutex_);
  return *by_number_[static_cast<std::size_t>(id)];
}

std::size_t GpuStates::size() const {
  const std::scoped_lock lock(mutex_);
  return by_number_.size();
}

}  // namespace galley::scheduler
