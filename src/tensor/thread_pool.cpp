#include "tensor/thread_pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <thread>

#include "base/result.h"

namespace galley::tensor {
namespace {

/// Longer than the serial work between two loops of a step, shorter than what a core's other user
/// would miss.
constexpr std::chrono::microseconds kSpin{15};
/// How long a worker is watched to see whether it runs, and how often that is asked again.
constexpr std::chrono::microseconds kWatch{5};
constexpr std::chrono::microseconds kWatchEvery{200};

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// True as soon as `ready` is, false when it was not within `time`.
template <class Ready>
bool spin_until(std::chrono::microseconds time, Ready ready) {
  const auto end = std::chrono::steady_clock::now() + time;
  do {
    // Reading the clock takes about as long as the pauses between two looks at it.
    for (int i = 0; i < 16; ++i) {
      if (ready()) return true;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

// std::atomic::wait has a spin of its own and a table of waiters; here both are ours.
void sleep_while(const std::atomic<std::uint32_t>& word, std::uint32_t value,
                 const timespec* longest = nullptr) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, longest, nullptr, 0);
}

void wake(const std::atomic<std::uint32_t>& word, std::uint32_t count) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE,
            static_cast<int>(std::min<std::uint32_t>(count, INT_MAX)), nullptr, nullptr, 0);
}

}  // namespace

struct ThreadPool::Processors {
  cpu_set_t allowed;            // to this process, when the pool was made
  std::atomic<int> caller{-1};  // where the caller was last seen
};

struct alignas(64) ThreadPool::Worker {
  std::uint32_t number = 0;
  std::atomic<bool> holds_tile{false};
  /// Its affinity: the process's; the one core that the caller lent; all but the caller's.
  enum class Place : std::uint8_t { free, lent, away };
  std::atomic<Place> place{Place::free};
  std::jthread thread;

  /// Processor time used so far; stands still while the thread has no core.
  std::chrono::nanoseconds used() {
    clockid_t clock{};
    timespec time{};
    if (::pthread_getcpuclockid(thread.native_handle(), &clock) != 0) return {};
    ::clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }
};

ThreadPool::ThreadPool(std::uint32_t threads) {
  static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t), "a futex word");
  auto processors = std::make_unique<Processors>();
  // Where threads are more than cores, somebody always waits for one, and lending would only stir.
  if (::sched_getaffinity(0, sizeof processors->allowed, &processors->allowed) == 0 &&
      threads <= static_cast<std::uint32_t>(CPU_COUNT(&processors->allowed)))
    processors_ = std::move(processors);
  for (std::uint32_t number = 1; number < threads; ++number) {
    workers_.push_back(std::make_unique<Worker>());
    workers_.back()->number = number;
  }
  for (const auto& worker : workers_)
    worker->thread = std::jthread([this, mine = worker.get()] { work(*mine); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  loop_.fetch_add(1);
  wake(loop_, UINT32_MAX);
  workers_.clear();  // joins
}

void ThreadPool::run_tiles(std::size_t tiles, Call call, const void* context) {
  if (workers_.empty() || tiles <= 1) {
    for (std::size_t tile = 0; tile < tiles; ++tile) call(context, tile, 0);
    return;
  }
  GALLEY_CHECK(tiles < INT32_MAX, "a loop's tiles are counted in 31 bits");
  if (processors_ != nullptr)
    processors_->caller.store(::sched_getcpu(), std::memory_order_relaxed);
  call_ = call;
  context_ = context;
  done_.store(0, std::memory_order_relaxed);
  // Whoever draws a tile from the ticket sees everything above.
  ticket_.store(std::uint64_t{tiles} << 32U, std::memory_order_release);
  loop_.fetch_add(1);
  // A worker counts itself asleep before it looks at loop_ for the last time, so one of us two sees
  // the other.
  if (sleepers_.load() > 0) wake(loop_, static_cast<std::uint32_t>(tiles) - 1);
  report(take_tiles(0, nullptr));
  wait_until_done(static_cast<std::uint32_t>(tiles));
}

ThreadPool::Taken ThreadPool::take_tiles(std::uint32_t thread, Worker* worker) {
  Taken result;
  for (;;) {
    // A thread that comes late, to a loop that is over, draws past its end; or draws a tile of the
    // next loop, which is as good.
    const std::uint64_t ticket = ticket_.fetch_add(1, std::memory_order_acq_rel);
    const auto tile = static_cast<std::uint32_t>(ticket);
    if (tile >= ticket >> 32U) break;
    if (worker != nullptr) worker->holds_tile.store(true, std::memory_order_relaxed);
    result.tiles = static_cast<std::uint32_t>(ticket >> 32U);
    call_(context_, tile, thread);
    ++result.taken;
  }
  return result;
}

void ThreadPool::report(const Taken& taken) {
  // A loop cannot end before its tiles are reported, so they are all of one loop.
  if (taken.taken > 0 && done_.fetch_add(taken.taken) + taken.taken == taken.tiles &&
      caller_sleeps_.load() > 0)
    wake(done_, 1);
}

void ThreadPool::wait_until_done(std::uint32_t tiles) {
  const auto all_done = [&] { return done_.load(std::memory_order_acquire) == tiles; };
  if (spin_until(kSpin, all_done)) return;
  const timespec longest{0, std::chrono::nanoseconds(kWatchEvery).count()};
  while (!all_done()) {
    if (processors_ != nullptr) lend_core();
    caller_sleeps_.store(1);
    const std::uint32_t done = done_.load();
    if (done != tiles) sleep_while(done_, done, processors_ != nullptr ? &longest : nullptr);
    caller_sleeps_.store(0);
  }
}

void ThreadPool::lend_core() {
  // A worker that runs uses about as much processor time as passes; one that lost its core, none.
  for (const auto& worker : workers_) {
    if (!worker->holds_tile.load(std::memory_order_relaxed)) continue;
    const auto before = worker->used();
    const bool finished =
        spin_until(kWatch, [&] { return !worker->holds_tile.load(std::memory_order_relaxed); });
    if (finished || worker->used() - before > kWatch / 5) continue;
    const int here = ::sched_getcpu();
    if (here < 0) return;
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(static_cast<std::size_t>(here), &core);
    processors_->caller.store(here);
    worker->place.store(Worker::Place::lent);
    // The caller sleeps next, which leaves the core to this one worker: two would share it.
    ::pthread_setaffinity_np(worker->thread.native_handle(), sizeof core, &core);
    return;
  }
}

void ThreadPool::return_core(Worker& worker) {
  const Worker::Place place = worker.place.load();
  if (place == Worker::Place::free) return;
  const int caller = processors_->caller.load(std::memory_order_relaxed);
  if (caller < 0 || (place == Worker::Place::away && ::sched_getcpu() != caller)) return;
  cpu_set_t others = processors_->allowed;
  CPU_CLR(static_cast<std::size_t>(caller), &others);
  if (CPU_COUNT(&others) == 0) others = processors_->allowed;
  worker.place.store(Worker::Place::away);
  ::sched_setaffinity(0, sizeof others, &others);
}

std::uint32_t ThreadPool::wait_for_loop(std::uint32_t seen) {
  if (!spin_until(kSpin, [&] { return loop_.load(std::memory_order_acquire) != seen; })) {
    sleepers_.fetch_add(1);
    while (loop_.load() == seen) sleep_while(loop_, seen);
    sleepers_.fetch_sub(1);
  }
  return loop_.load(std::memory_order_acquire);
}

void ThreadPool::work(Worker& worker) {
  std::uint32_t seen = 0;
  for (;;) {
    seen = wait_for_loop(seen);
    if (stopping_.load()) return;
    report(take_tiles(worker.number, &worker));
    worker.holds_tile.store(false, std::memory_order_relaxed);
    return_core(worker);
  }
}

}  // namespace galley::tensor
