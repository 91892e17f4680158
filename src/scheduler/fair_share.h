#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

namespace galley::scheduler {

/// What each team has used of late: GPU-seconds that lose half their weight in every half-life.
/// Charged as time passes, for what a team holds. Not thread-safe.
class FairShare {
 public:
  explicit FairShare(Millis half_life) : half_life_(half_life) {}

  /// The team's number; a new one at weight 1.
  std::size_t team(const std::string& name);
  std::size_t count() const { return teams_.size(); }
  const std::string& name(std::size_t team) const { return teams_[team].name; }
  void set_weight(std::size_t team, double weight) { teams_[team].weight = weight; }

  /// The team holds so much more (or less) from `at` on.
  void hold(std::size_t team, double gpus, WallTime at);
  /// GPU-seconds of the past, as they weigh at `at`.
  void add(std::size_t team, double gpu_seconds, WallTime at);

  double usage(std::size_t team, WallTime now) const;
  double held(std::size_t team) const { return teams_[team].held; }
  /// Usage over weight: who has least goes first.
  double claim(std::size_t team, WallTime now) const { return usage(team, now) / weight(team); }
  double weight(std::size_t team) const { return teams_[team].weight; }

 private:
  struct Team {
    std::string name;
    double weight = 1;
    double used = 0;  // as of `at`
    double held = 0;
    WallTime at{};
  };

  Millis half_life_;
  std::vector<Team> teams_;
  std::map<std::string, std::size_t> index_of_;
};

}  // namespace galley::scheduler
