#include "fair_share.h"

#include <algorithm>
#include <cmath>

namespace galley::scheduler {

std::size_t FairShare::team(const std::string& name) {
  const auto [found, fresh] = index_of_.emplace(name, teams_.size());
  if (fresh) teams_.push_back({.name = name});
  return found->second;
}

double FairShare::usage(std::size_t team, WallTime now) const {
  const Team& one = teams_[team];
  const double elapsed_s = static_cast<double>(std::max(now - one.at, Millis{0}).count()) / 1e3;
  const double half_life_s = static_cast<double>(half_life_.count()) / 1e3;
  const double kept = std::exp2(-elapsed_s / half_life_s);
  // What is held adds up over the elapsed time and loses weight meanwhile: the integral of
  // 2^(-t / half_life).
  const double added = one.held * half_life_s / std::log(2.0) * (1 - kept);
  return one.used * kept + added;
}

void FairShare::hold(std::size_t team, double gpus, WallTime at) {
  Team& one = teams_[team];
  one.used = usage(team, at);
  one.at = std::max(one.at, at);
  one.held += gpus;
}

void FairShare::add(std::size_t team, double gpu_seconds, WallTime at) {
  hold(team, 0, at);
  teams_[team].used += gpu_seconds;
}

}  // namespace galley::scheduler
