#include "hpo/tuning_share.h"

#include <algorithm>
#include <cmath>

namespace galley::hpo {

std::int64_t tuning_share(const ShareFacts& facts, const ShareRule& rule) {
  const auto part = [&](double ratio) {
    return static_cast<std::int64_t>(std::floor(ratio * static_cast<double>(facts.gpus) + 1e-9));
  };
  const std::int64_t guard = part(rule.guard_ratio);
  const std::int64_t left =
      std::max<std::int64_t>(0, facts.gpus - facts.people_use - facts.people_wait);
  const std::int64_t most = std::max<std::int64_t>(0, left - guard);
  const std::int64_t lowest = std::min({facts.tuning_min, facts.tuning_want, facts.gpus});
  std::int64_t share = facts.tuning_use;
  if (share > most)
    share = most;
  else if (most - share > part(rule.band_ratio))
    share = most;
  return std::max(lowest, std::min(share, facts.tuning_want));
}

}  // namespace galley::hpo
