#include "latency.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace galley::serving {
namespace {

std::size_t bucket_of(std::chrono::nanoseconds took) {
  constexpr std::uint64_t kLow = std::uint64_t{1} << Latency::kMinBits;
  constexpr std::uint64_t kHigh = (std::uint64_t{1} << (Latency::kMaxBits + 1)) - 1;
  const auto ns =
      std::clamp(static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)), kLow, kHigh);
  const int octave = static_cast<int>(std::bit_width(ns)) - 1;
  const std::uint64_t sub =
      (ns >> (octave - Latency::kSubBits)) & ((std::uint64_t{1} << Latency::kSubBits) - 1);
  return (static_cast<std::size_t>(octave - Latency::kMinBits) << Latency::kSubBits) + sub;
}

/// The middle of a bucket, in milliseconds.
double value_of(std::size_t bucket) {
  constexpr double kSubs = 1U << Latency::kSubBits;
  const auto octave = static_cast<int>(bucket >> Latency::kSubBits) + Latency::kMinBits;
  const auto sub = static_cast<double>(bucket & ((std::size_t{1} << Latency::kSubBits) - 1));
  return std::ldexp(1.0 + (sub + 0.5) / kSubs, octave) / 1e6;
}

using Counts = std::array<std::uint64_t, Latency::kBuckets>;

double quantile(const Counts& counts, std::uint64_t total, double share) {
  if (total == 0) return 0;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    if (seen >= rank) return value_of(i);
  }
  return value_of(counts.size() - 1);
}

}  // namespace

std::int64_t Latency::second_of(Instant at) const {
  return std::chrono::duration_cast<std::chrono::seconds>(at - start_).count();
}

Latency::Slot* Latency::slot_of(std::int64_t second) {
  Slot& slot = slots_[static_cast<std::size_t>(second) % kSlots];
  if (slot.second.load(std::memory_order_acquire) == second) return &slot;
  const std::lock_guard lock(turn_mutex_);
  const std::int64_t held = slot.second.load(std::memory_order_relaxed);
  if (held == second) return &slot;
  // A thread that was stopped for sixteen seconds must not empty the slot of a later one.
  if (held > second) return nullptr;
  slot.predictions.store(0, std::memory_order_relaxed);
  for (auto& bucket : slot.buckets) bucket.store(0, std::memory_order_relaxed);
  slot.second.store(second, std::memory_order_release);
  return &slot;
}

void Latency::add(Instant begin, Instant end, std::int64_t predictions) {
  predictions_.fetch_add(predictions, std::memory_order_relaxed);
  Slot* slot = slot_of(std::max<std::int64_t>(second_of(end), 0));
  if (slot == nullptr) return;
  slot->predictions.fetch_add(predictions, std::memory_order_relaxed);
  slot->buckets[bucket_of(end - begin)].fetch_add(1, std::memory_order_relaxed);
}

ModelHost::Stats Latency::read(Instant now) const {
  const std::int64_t last = second_of(now);
  Counts counts{};
  std::uint64_t requests = 0;
  std::int64_t predictions = 0;
  for (const Slot& slot : slots_) {
    const std::int64_t second = slot.second.load(std::memory_order_acquire);
    if (second < 0 || second <= last - kWindowSeconds || second > last) continue;
    predictions += slot.predictions.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const std::uint32_t count = slot.buckets[i].load(std::memory_order_relaxed);
      counts[i] += count;
      requests += count;
    }
  }
  // The window is nine whole seconds and the part of this one, or less when we are younger. Under a
  // second the rate would be noise.
  const double age_s = std::chrono::duration<double>(now - start_).count();
  const double part_s = age_s - static_cast<double>(last);
  const double window_s =
      std::max(1.0, std::min(age_s, static_cast<double>(kWindowSeconds - 1) + part_s));
  return ModelHost::Stats{.predictions_total = predictions_.load(std::memory_order_relaxed),
                          .errors_total = errors_.load(std::memory_order_relaxed),
                          .predictions_per_s = static_cast<double>(predictions) / window_s,
                          .latency_ms_p50 = quantile(counts, requests, 0.50),
                          .latency_ms_p99 = quantile(counts, requests, 0.99)};
}

}  // namespace galley::serving
