#include "scheduler_copies.h"

namespace galley::controller {

std::shared_ptr<SchedulerCopy> SchedulerCopies::get(const Core& core, bool fresh) {
  constexpr std::chrono::milliseconds kCheap{1};
  constexpr int kPause = 9;  // times the cost
  if (newest_ && newest_->version == core.version()) return newest_;
  const auto begin = Steady::now();
  if (newest_ && !fresh && cost_ > kCheap && begin - made_ < kPause * cost_) return newest_;
  newest_ = std::make_shared<SchedulerCopy>(core);
  made_ = Steady::now();
  cost_ = made_ - begin;
  return newest_;
}

}  // namespace galley::controller
