#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "base/clock.h"
#include "serving/model_host.h"

namespace galley::serving {

/// Counts of answers, and how long they took over the last ten seconds.
///
/// Logarithmic buckets, sixteen to an octave, so a quantile is within 6 % of the truth; one set of
/// buckets for every second of the window. Thread-safe; add() is a few relaxed atomic additions,
/// about 20 ns, and takes a lock once a second. Memory: 28 KiB.
class Latency {
 public:
  explicit Latency(Instant start) : start_(start) {}

  /// One request that ended at `end` and gave `predictions` answers.
  void add(Instant begin, Instant end, std::int64_t predictions);
  void add_error() { errors_.fetch_add(1, std::memory_order_relaxed); }
  ModelHost::Stats read(Instant now) const;

  /// Eight sub-buckets would double the error, and 32 the memory.
  static constexpr int kSubBits = 4;
  /// Faster than 2^10 ns counts as that, slower than 2^37 ns (137 s) too.
  static constexpr int kMinBits = 10;
  static constexpr int kMaxBits = 36;
  static constexpr std::size_t kBuckets = static_cast<std::size_t>(kMaxBits - kMinBits + 1)
                                          << kSubBits;
  static constexpr std::int64_t kWindowSeconds = 10;

 private:
  /// More slots than the window has seconds, so that a slot being emptied for the second that
  /// begins is never one that read() still adds up.
  static constexpr std::size_t kSlots = 16;
  struct Slot {
    std::atomic<std::int64_t> second{-1};
    std::atomic<std::int64_t> predictions{0};
    std::array<std::atomic<std::uint32_t>, kBuckets> buckets{};
  };
  Slot* slot_of(std::int64_t second);
  std::int64_t second_of(Instant at) const;

  const Instant start_;
  std::atomic<std::int64_t> predictions_{0};
  std::atomic<std::int64_t> errors_{0};
  std::mutex turn_mutex_;  // held while a slot is emptied for a new second
  std::array<Slot, kSlots> slots_;
};

}  // namespace galley::serving
