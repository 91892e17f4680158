#include "rate_limiter.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace galley::api {
namespace {

double seconds(Instant from, Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

std::optional<Millis> RateLimiter::wait_for(const Bucket& bucket) const {
  if (bucket.left >= 1) return std::nullopt;
  return Millis{static_cast<std::int64_t>(std::ceil(1000 * (1 - bucket.left) / rate_.per_s))};
}

void RateLimiter::forget_full_ones_locked() {
  const Instant now = clock_.steady();
  std::erase_if(buckets_, [&](const auto& entry) {
    return entry.second.left + seconds(entry.second.at, now) * rate_.per_s >= rate_.burst;
  });
  // Nothing was full: then all start anew, which forgives more than it punishes.
  if (buckets_.size() >= kMaxKeys) buckets_.clear();
}

RateLimiter::Bucket& RateLimiter::filled_locked(const std::string& key) {
  const Instant now = clock_.steady();
  if (const auto found = buckets_.find(key); found != buckets_.end()) {
    Bucket& bucket = found->second;
    bucket.left = std::min(rate_.burst, bucket.left + seconds(bucket.at, now) * rate_.per_s);
    bucket.at = now;
    return bucket;
  }
  if (buckets_.size() >= kMaxKeys) forget_full_ones_locked();
  return buckets_.insert_or_assign(key, Bucket{rate_.burst, now}).first->second;
}

std::optional<Millis> RateLimiter::spend(const std::string& key) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = filled_locked(key);
  if (auto wait = wait_for(bucket)) return wait;
  bucket.left -= 1;
  return std::nullopt;
}

std::optional<Millis> RateLimiter::ask(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = buckets_.find(key);
  if (found == buckets_.end()) return std::nullopt;
  return wait_for(filled_locked(key));
}

}  // namespace galley::api
