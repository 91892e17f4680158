#include "follow_ups.h"

#include <algorithm>
#include <chrono>

namespace galley::serving {
namespace {

constexpr FollowUps::Span kLongestMoment = std::chrono::milliseconds(3);
constexpr int kStepsInMoments = 5;
/// The last half dozen of those that were waited for count.
constexpr double kNewest = 0.2;
constexpr double kEnough = 0.3;
constexpr std::size_t kTriedAgainAfter = 16;

void blend(double& share, double value) { share += kNewest * (value - share); }

}  // namespace

void FollowUps::stepped(std::size_t ended, Span took, Instant now) {
  if (ended == 0) return;
  if (waits_ && awaited_ > 0) blend(share_, 0);
  awaited_ = ended;
  waits_ = share_ >= kEnough || ++passed_ >= kTriedAgainAfter;
  if (waits_) passed_ = 0;
  ended_at_ = now;
  moment_ = std::min(kLongestMoment, took / kStepsInMoments);
}

void FollowUps::arrived(Instant when) {
  if (awaited_ == 0 || when < ended_at_ || when > ended_at_ + moment_) return;
  --awaited_;
  blend(share_, 1);
}

FollowUps::Span FollowUps::patience(Instant now) const {
  if (awaited_ == 0 || !waits_) return Span::zero();
  return std::max(ended_at_ + moment_ - now, Span::zero());
}

}  // namespace galley::serving
