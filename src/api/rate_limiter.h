#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace galley::api {

/// Token buckets by key: each key may spend `burst` at once, and gets `per_s` back each second.
/// In memory; thread-safe; O(1), and O(keys) once in a while. Keys whose bucket is full again are
/// forgotten, so that a stranger with many addresses cannot fill the memory.
class RateLimiter {
 public:
  struct Rate {
    double per_s = 1;
    double burst = 1;
  };
  static constexpr std::size_t kMaxKeys = 20'000;

  RateLimiter(const Clock& clock, Rate rate) : clock_(clock), rate_(rate) {}

  /// Spends one. When nothing is left: how long until there is.
  std::optional<Millis> spend(const std::string& key);
  /// The same without spending.
  std::optional<Millis> ask(const std::string& key);

 private:
  struct Bucket {
    double left = 0;
    Instant at{};
  };
  Bucket& filled_locked(const std::string& key);
  std::optional<Millis> wait_for(const Bucket& bucket) const;
  void forget_full_ones_locked();

  const Clock& clock_;
  const Rate rate_;
  std::mutex mutex_;  // guards buckets_
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace galley::api
