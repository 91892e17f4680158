#pragma once

#include <cstddef>

#include "base/clock.h"

namespace galley::serving {

/// Clients that ask again as soon as they are answered (evaluations, agents, people's scripts) come
/// a moment after the next step has begun, and would wait for its end. So the next step waits that
/// moment, a fifth of a step at most, as long as a third of those that were waited for come; else
/// it is tried again now and then. Pure.
class FollowUps {
 public:
  using Span = Instant::duration;

  /// After a step: how many online answers ended in it, how long it took.
  void stepped(std::size_t ended, Span took, Instant now);
  /// A request came, maybe a while ago.
  void arrived(Instant when);
  /// How long the next step may wait for one more request; zero if none is expected.
  Span patience(Instant now) const;

 private:
  Instant ended_at_{};
  Span moment_{};
  std::size_t awaited_ = 0;  // ended answers that nobody has followed yet
  bool waits_ = false;       // for them
  double share_ = 1;         // of those that were waited for and came
  std::size_t passed_ = 0;   // steps since the last one that waited
};

}  // namespace galley::serving
