#include "simulation/runtime_model.h"

#include <algorithm>
#include <cmath>

namespace galley::simulation {
namespace {

constexpr double kClassesADecade = 8;
constexpr float kMemory = 1000;
/// A group with fewer jobs than this knows less than a larger one.
constexpr float kEnough = 20;

std::size_t class_of(Millis ran, std::size_t classes) {
  const double decades = std::log10(static_cast<double>(std::max<std::int64_t>(1, ran.count())));
  return std::min(classes - 1, static_cast<std::size_t>(decades * kClassesADecade));
}

}  // namespace

void RuntimeModel::Group::add(std::size_t duration_class) {
  counts[duration_class] += 1;
  total += 1;
  if (total < 2 * kMemory) return;
  for (float& count : counts) count /= 2;
  total /= 2;
}

Millis RuntimeModel::Group::quantile(double share) const {
  float below = 0;
  std::size_t chosen = 0;
  for (; chosen + 1 < counts.size(); ++chosen) {
    below += counts[chosen];
    if (static_cast<double>(below) >= share * static_cast<double>(total)) break;
  }
  // The upper end of the class: an estimate that is a little long delays nobody.
  return Millis{
      static_cast<std::int64_t>(std::pow(10, static_cast<double>(chosen + 1) / kClassesADecade))};
}

void RuntimeModel::learn(TeamIndex team, std::int32_t gpus, Millis ran) {
  const std::size_t duration_class = class_of(ran, kClasses);
  of_team_[{team, gpus}].add(duration_class);
  of_size_[gpus].add(duration_class);
  all_.add(duration_class);
}

std::optional<scheduler::Runtime> RuntimeModel::predict(TeamIndex team, std::int32_t gpus) const {
  const Group* group = &all_;
  if (const auto found = of_size_.find(gpus);
      found != of_size_.end() && found->second.total >= kEnough)
    group = &found->second;
  if (const auto found = of_team_.find({team, gpus});
      found != of_team_.end() && found->second.total >= kEnough)
    group = &found->second;
  if (group->total < 1) return std::nullopt;
  return scheduler::Runtime{.typical = group->quantile(0.5), .long_one = group->quantile(0.9)};
}

}  // namespace galley::simulation
