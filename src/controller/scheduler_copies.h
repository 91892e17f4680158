#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>

#include "core.h"

namespace galley::controller {

/// A scheduler to ask long questions, as it was at one version of the state. Asking takes the lock:
/// a Scheduler keeps caches.
struct SchedulerCopy {
  explicit SchedulerCopy(const Core& core) : version(core.version()), scheduler(core.scheduler()) {}
  const std::uint64_t version;
  std::mutex mutex;  // guards scheduler
  const scheduler::Scheduler scheduler;
};

/// The newest copy, made when somebody asks and the state has changed since. Used by the core's
/// thread alone; a copy itself goes to whoever asked.
///
/// Where a copy is expensive (100,000 queued jobs), copying takes at most a tenth of the thread's
/// time: until then an older copy answers, unless it must be `fresh`.
class SchedulerCopies {
 public:
  std::shared_ptr<SchedulerCopy> get(const Core& core, bool fresh);

 private:
  using Steady = std::chrono::steady_clock;
  std::shared_ptr<SchedulerCopy> newest_;
  Steady::duration cost_{};
  Steady::time_point made_{};
};

}  // namespace galley::controller
