#include "crew.h"

#include <algorithm>
#include <chrono>

namespace galley::bench {
namespace {

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Crew::Crew(std::uint32_t threads) {
  for (std::uint32_t thread = 1; thread < threads; ++thread)
    others_.emplace_back([this, thread] { follow(thread); });
}

Crew::~Crew() { stop_ = true; }

void Crew::follow(std::uint32_t thread) {
  for (std::uint64_t seen = 0;; ++seen) {
    // On a machine with too few processors the thread that is waited for must get its turn.
    for (std::uint32_t spins = 0; round_.load(std::memory_order_acquire) == seen; ++spins) {
      if (stop_.load(std::memory_order_relaxed)) return;
      if (spins % 4096 == 4095) std::this_thread::yield();
    }
    (*work_)(thread);
    done_.fetch_add(1, std::memory_order_release);
  }
}

double Crew::run(const std::function<void(std::uint32_t)>& work) {
  work_ = &work;
  done_.store(0, std::memory_order_relaxed);
  const double begin = now_seconds();
  round_.fetch_add(1, std::memory_order_release);
  work(0);
  for (std::uint32_t spins = 0; done_.load(std::memory_order_acquire) < others_.size(); ++spins)
    if (spins % 4096 == 4095) std::this_thread::yield();
  return now_seconds() - begin;
}

double Crew::shortest(double seconds, const std::function<void(std::uint32_t)>& work) {
  const double begin = now_seconds();
  double best = run(work);
  for (int i = 1; i < 3 || now_seconds() - begin < seconds; ++i) best = std::min(best, run(work));
  return best;
}

}  // namespace galley::bench
