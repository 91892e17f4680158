#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "store/lease.h"

namespace galley::controller {

/// When a controller that does not lead should try to: pure. It looks at the lease row every now
/// and then; a leader that lives moves it.
class Candidacy {
 public:
  /// `patience`: how long the row must stand still, by our own monotonic clock.
  /// `delay`: added to it by those that should come second.
  Candidacy(std::string name, Millis patience, Millis delay)
      : name_(std::move(name)), patience_(patience + delay) {}

  /// What the row said at `now`. True: take the lead, if the row still says this.
  /// A row that could not be read for a while says nothing about its holder, who could not write
  /// either: the count begins anew.
  bool should_take(const std::optional<store::Lease>& lease, Instant now);
  /// Whether the holder has renewed the row within `span` of the last look.
  bool is_alive(Millis span) const { return looked_at_ && *looked_at_ - still_since_ < span; }

 private:
  std::string name_;
  Millis patience_;
  std::optional<store::Lease> seen_;
  std::optional<Instant> looked_at_;
  Instant still_since_{};
};

}  // namespace galley::controller
