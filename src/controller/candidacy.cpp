#include "candidacy.h"

namespace galley::controller {

bool Candidacy::should_take(const std::optional<store::Lease>& lease, Instant now) {
  const bool was_blind = looked_at_ && now - *looked_at_ > patience_ / 2;
  if (!looked_at_ || was_blind || lease != seen_) still_since_ = now;
  seen_ = lease;
  looked_at_ = now;
  if (!lease || lease->holder.empty() || lease->successor == name_) return true;
  return now - still_since_ >= patience_;
}

}  // namespace galley::controller
