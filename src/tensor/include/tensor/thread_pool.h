#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

namespace galley::tensor {

/// Threads for the parallel loops inside one step of a model: hundreds a token, some microseconds
/// each.
///
/// Tiles are taken from a counter, not dealt: a thread whose core another process uses takes fewer
/// and holds up nobody but with the tile in its hands. Whoever waits spins for some microseconds
/// (the next loop of a step mostly comes sooner) and then sleeps in the kernel, so that an idle
/// pool costs nothing.
///
/// A worker that lost its core in the middle of a tile would make all wait for the milliseconds of
/// another process's time slice. The caller then lends it its own core until the tile is done, by
/// way of the worker's affinity mask; afterwards the worker goes back among the other cores. The
/// mask that the process had when the pool was made is never left.
///
/// One caller at a time. A loop allocates nothing and costs less than a microsecond when the
/// machine is quiet.
class ThreadPool {
 public:
  /// `threads` counts the caller too: 1 runs every loop in place, 0 is taken as 1.
  explicit ThreadPool(std::uint32_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::uint32_t size() const { return static_cast<std::uint32_t>(workers_.size()) + 1; }

  /// Calls body(tile, thread) once for each tile in [0, tiles), in no order; returns when all have
  /// returned, and sees what they wrote. `thread` < size() tells threads apart that run at once;
  /// the caller is 0. `body` must not throw, nor run another loop of this pool. tiles < 2^31.
  template <class Body>
  void run(std::size_t tiles, Body&& body) {
    run_tiles(
        tiles,
        [](const void* context, std::size_t tile, std::uint32_t thread) noexcept {
          using Function = std::remove_reference_t<Body>;
          (*static_cast<Function*>(const_cast<void*>(context)))(tile, thread);
        },
        std::addressof(body));
  }

 private:
  using Call = void (*)(const void* context, std::size_t tile, std::uint32_t thread) noexcept;

  struct Worker;
  struct Processors;

  void run_tiles(std::size_t tiles, Call call, const void* context);
  /// Returns how many of how many tiles of the loop were this thread's.
  struct Taken {
    std::uint32_t taken = 0;
    std::uint32_t tiles = 0;
  };
  Taken take_tiles(std::uint32_t thread, Worker* worker);
  void report(const Taken& taken);
  void wait_until_done(std::uint32_t tiles);
  void lend_core();
  void return_core(Worker& worker);
  void work(Worker& worker);
  /// Returns the number of a loop that is not `seen`.
  std::uint32_t wait_for_loop(std::uint32_t seen);

  // What the loop does: written before ticket_, read only by those who drew a tile from it.
  Call call_ = nullptr;
  const void* context_ = nullptr;

  // Each on a cache line of its own: the counter is fought over while others spin on the rest.
  alignas(64) std::atomic<std::uint64_t> ticket_{0};  // tiles of the loop << 32 | next tile
  alignas(64) std::atomic<std::uint32_t> done_{0};    // tiles whose call has returned
  std::atomic<std::uint32_t> caller_sleeps_{0};
  alignas(64) std::atomic<std::uint32_t> loop_{0};  // number of the loop: a change wakes workers
  std::atomic<std::uint32_t> sleepers_{0};
  std::atomic<bool> stopping_{false};

  std::unique_ptr<Processors> processors_;  // null where cores are not lent
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace galley::tensor
