#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "scheduler/events.h"
#include "simulation/trace.h"

namespace galley::simulation {

/// What a scheduler can know of runtimes without asking anybody: the median and the 90th percentile
/// of jobs that have ended, of the same team and size, else of the same size, else of all. Recent
/// jobs count for more: whenever a group has grown to twice its memory, every count is halved.
/// Durations are kept in classes of an eighth of a factor of ten. Not thread-safe. O(classes).
class RuntimeModel {
 public:
  void learn(TeamIndex team, std::int32_t gpus, Millis ran);
  /// Absent as long as nothing of use has ended.
  std::optional<scheduler::Runtime> predict(TeamIndex team, std::int32_t gpus) const;

 private:
  static constexpr std::size_t kClasses = 80;  // up to 10^10 ms, four months
  struct Group {
    std::array<float, kClasses> counts{};
    float total = 0;
    void add(std::size_t duration_class);
    Millis quantile(double share) const;
  };
  std::map<std::pair<TeamIndex, std::int32_t>, Group> of_team_;
  std::map<std::int32_t, Group> of_size_;
  Group all_;
};

}  // namespace galley::simulation
