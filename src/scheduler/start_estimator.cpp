#include "scheduler/start_estimator.h"

#include <algorithm>
#include <cmath>

namespace galley::scheduler {
namespace {

/// A little below a tenth: a long wait teaches late, and the interval would hold too few meanwhile.
constexpr double kSideMiss = 0.085;
/// How far a level moves after one promise. Larger follows a changing load sooner, and trembles.
constexpr double kLevelStep = 0.003;
/// How much each unit of a level beyond its range widens the interval, in logarithms.
constexpr double kWiden = 0.5;
constexpr std::size_t kEnough = 40;
/// Waits below this are alike: it keeps logarithms of short waits from dominating.
constexpr double kFloorS = 30;
/// How much a single wait moves the memory of its kind.
constexpr double kRecentShare = 0.1;
/// The logarithm of a wait before anything has started: ten minutes.
constexpr double kFirstGuess = 6.4;
constexpr double kLongestLog = 18;  // ten years

double log_wait(double seconds) { return std::log(std::max(0.0, seconds) + kFloorS); }
double from_log(double value) {
  return std::max(0.0, std::exp(std::min(value, kLongestLog)) - kFloorS);
}
double seconds(Millis time) { return static_cast<double>(time.count()) / 1e3; }
WallTime after(WallTime now, double wait_s) {
  return now + Millis{static_cast<std::int64_t>(wait_s * 1000)};
}

constexpr Millis kRateHalfLife = std::chrono::hours(6);

double fading(Millis time) {
  return std::exp2(-static_cast<double>(std::max<std::int64_t>(0, time.count())) /
                   static_cast<double>(kRateHalfLife.count()));
}

std::int64_t size_class(std::int64_t gpus) {
  std::int64_t size = 0;
  for (; gpus > 0; gpus /= 2) ++size;
  return size;
}

/// Sorted errors' quantile at a level that may lie outside 0..1.
double quantile_at(const std::vector<double>& sorted, double level) {
  if (level <= 0) return sorted.front() + kWiden * level;
  if (level >= 1) return sorted.back() + kWiden * (level - 1);
  const double place = level * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double rest = place - static_cast<double>(below);
  return sorted[below] * (1 - rest) + sorted[below + 1] * rest;
}

}  // namespace

StartEstimator::StartEstimator() = default;

double StartEstimator::predict(const StartFeatures& features, WallTime now) const {
  const std::int64_t size = size_class(features.gpus);
  double recent = kFirstGuess;
  if (const auto found = recent_of_size_.find(size); found != recent_of_size_.end())
    recent = found->second;
  if (const auto found = recent_of_team_.find({features.team, size});
      found != recent_of_team_.end())
    recent = found->second;
  const double reserved = features.reserved ? log_wait(seconds(*features.reserved)) : recent;
  // How long the queue takes at the rate at which jobs have been starting lately.
  const auto drain = [&](std::int64_t ahead, const Rate& rate) {
    return log_wait(static_cast<double>(std::max<std::int64_t>(0, ahead) + 1) / rate.per_s(now));
  };
  const double queue = drain(features.jobs_ahead, starts_);
  const auto team = starts_of_team_.find(features.team);
  const double team_queue =
      drain(features.team_jobs_ahead, team == starts_of_team_.end() ? starts_ : team->second);
  const double mean = (reserved + recent + queue + team_queue) / 4;
  return std::clamp(mean, std::log(kFloorS), kLongestLog);
}

void StartEstimator::Rate::add(WallTime now) {
  count = count * fading(now - at) + 1;
  at = now;
}

double StartEstimator::Rate::per_s(WallTime now) const {
  // Half a start more than was seen: a team of which none has started yet has a rate too.
  return (count * fading(now - at) + 0.5) * std::log(2.0) / seconds(kRateHalfLife);
}

/// By whether there is a reservation, and by how long the wait is expected to be.
std::size_t StartEstimator::bucket_of(const StartFeatures& features, double predicted) const {
  const double wait_s = from_log(predicted);
  const std::size_t length = wait_s < 600 ? 0 : wait_s < 3600 ? 1 : wait_s < 36000 ? 2 : 3;
  return length + (features.reserved ? 4U : 0U);
}

const StartEstimator::Bucket& StartEstimator::bucket_for(std::size_t bucket) const {
  return buckets_[bucket].errors.size() >= kEnough ? buckets_[bucket] : all_;
}

StartEstimate StartEstimator::interval(double predicted, std::size_t index, WallTime now) const {
  const Bucket& bucket = bucket_for(index);
  double low = -1.5;
  double high = 1.5;
  double middle = 0;
  if (!bucket.errors.empty()) {
    std::vector<double> sorted = bucket.errors;
    std::ranges::sort(sorted);
    low = quantile_at(sorted, bucket.low_level);
    high = quantile_at(sorted, 1 - bucket.high_level);
    middle = std::clamp(quantile_at(sorted, 0.5), std::min(low, high), std::max(low, high));
  }
  // Levels past a half would let the ends pass each other.
  if (low > high) low = high = middle;
  StartEstimate said;
  said.typical = after(now, from_log(predicted + middle));
  said.early = std::min(said.typical, after(now, from_log(predicted + low)));
  said.late = std::max(said.typical, after(now, from_log(predicted + high)));
  return said;
}

StartEstimate StartEstimator::estimate(const StartFeatures& features, WallTime now) const {
  const double predicted = predict(features, now);
  return interval(predicted, bucket_of(features, predicted), now);
}

StartEstimate StartEstimator::promise(const JobId& job, const StartFeatures& features,
                                      WallTime now) {
  pass_time(now);
  const double predicted = predict(features, now);
  const std::size_t bucket = bucket_of(features, predicted);
  const StartEstimate said = interval(predicted, bucket, now);
  const auto [entry, is_new] = open_.try_emplace(job);
  if (is_new) {
    entry->second = {said, now, predicted, bucket, false, features};
    late_.insert({said.late, job});
  }
  return said;
}

void StartEstimator::note(bool kept) {
  if (kept_.size() < kRecent) kept_.resize(kRecent, 2);
  kept_[next_kept_] = kept ? 1 : 0;
  next_kept_ = (next_kept_ + 1) % kRecent;
}

double StartEstimator::recent_coverage_ratio() const {
  double known = 0;
  double kept = 0;
  for (const std::uint8_t value : kept_) {
    if (value > 1) continue;
    known += 1;
    kept += value;
  }
  return known > 0 ? kept / known : 1;
}

void StartEstimator::settle_late(Promise& promise) {
  promise.missed = true;
  for (Bucket* bucket : {&buckets_[promise.bucket], &all_}) {
    bucket->high_level += kLevelStep * (kSideMiss - 1);
    bucket->low_level += kLevelStep * kSideMiss;
  }
  note(false);
}

void StartEstimator::pass_time(WallTime now) {
  while (!late_.empty() && late_.begin()->first < now) {
    const auto open = open_.find(late_.begin()->second);
    late_.erase(late_.begin());
    if (open != open_.end()) settle_late(open->second);
  }
}

void StartEstimator::started(const JobId& job, const std::string& team, WallTime now) {
  pass_time(now);
  starts_.add(now);
  starts_of_team_[team].add(now);
  const auto open = open_.find(job);
  if (open == open_.end()) return;
  Promise& promise = open->second;
  late_.erase({promise.said.late, job});
  const double actual = log_wait(seconds(now - promise.at));
  const bool early = now < promise.said.early;
  for (Bucket* bucket : {&buckets_[promise.bucket], &all_}) {
    if (!promise.missed) {
      bucket->low_level += kLevelStep * (kSideMiss - (early ? 1 : 0));
      bucket->high_level += kLevelStep * kSideMiss;
    }
    if (bucket->errors.size() < kWindow) {
      bucket->errors.push_back(actual - promise.predicted);
    } else {
      bucket->errors[bucket->next] = actual - promise.predicted;
      bucket->next = (bucket->next + 1) % kWindow;
    }
  }
  if (!promise.missed) note(!early);
  const std::int64_t size = size_class(promise.features.gpus);
  const auto move = [actual](auto& memory, auto key) {
    const auto [entry, is_new] = memory.try_emplace(key, actual);
    if (!is_new) entry->second += kRecentShare * (actual - entry->second);
  };
  move(recent_of_team_, std::pair{promise.features.team, size});
  move(recent_of_size_, size);
  open_.erase(open);
}

void StartEstimator::forget(const JobId& job) {
  const auto open = open_.find(job);
  if (open == open_.end()) return;
  late_.erase({open->second.said.late, job});
  open_.erase(open);
}

StartEstimator StartEstimator::without_promises() const {
  StartEstimator copy;
  copy.buckets_ = buckets_;
  copy.all_ = all_;
  copy.starts_ = starts_;
  copy.starts_of_team_ = starts_of_team_;
  copy.recent_of_team_ = recent_of_team_;
  copy.recent_of_size_ = recent_of_size_;
  copy.kept_ = kept_;
  copy.next_kept_ = next_kept_;
  return copy;
}

}  // namespace galley::scheduler
