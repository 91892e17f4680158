#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace galley::training {

/// Calls work(0) on this thread and work(1) … work(count - 1) on others, and returns when all have.
/// Where the system refuses a thread, fewer run: `work` must take its share from a common counter
/// (ChunkCounter) and not rely on its index to cover anything.
void run_workers(std::uint32_t count, const std::function<void(std::uint32_t)>& work);

/// Hands out consecutive ranges of [0, size) to whoever asks next.
class ChunkCounter {
 public:
  struct Chunk {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  ChunkCounter(std::size_t size, std::size_t chunk_size) : size_(size), chunk_size_(chunk_size) {}

  /// False when nothing is left.
  bool next(Chunk& chunk) {
    chunk.begin = next_.fetch_add(chunk_size_, std::memory_order_relaxed);
    if (chunk.begin >= size_) return false;
    chunk.end = chunk.begin + chunk_size_ < size_ ? chunk.begin + chunk_size_ : size_;
    return true;
  }
  /// Items handed out so far.
  std::size_t handed_out() const {
    const std::size_t at = next_.load(std::memory_order_relaxed);
    return at < size_ ? at : size_;
  }

 private:
  std::size_t size_;
  std::size_t chunk_size_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace galley::training
