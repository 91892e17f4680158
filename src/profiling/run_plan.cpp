#include "run_plan.h"

#include <algorithm>

namespace galley::profiling {
namespace {

using Seconds = std::chrono::duration<double>;

Instant later(Instant from, double seconds) {
  return from + std::chrono::duration_cast<Instant::duration>(Seconds(seconds));
}

}  // namespace

bool Budget::over() const {
  if (tick_) tick_(spent_share());
  return interrupted() || clock_->steady() >= end_;
}

double Budget::left_s() const { return std::max(0.0, Seconds(end_ - clock_->steady()).count()); }

double Budget::spent_share() const {
  const double whole = Seconds(end_ - began_).count();
  return whole <= 0 ? 1 : std::clamp(1 - left_s() / whole, 0.0, 1.0);
}

Budget Budget::part(double share) const {
  const Instant now = clock_->steady();
  return Budget(*clock_, std::min(end_, later(now, left_s() * share)), stop_, tick_);
}

TimePlan::TimePlan(const Clock& clock, double seconds, std::vector<Item> items,
                   std::stop_token stop, std::function<void(double)> tick)
    : clock_(clock),
      end_(later(clock.steady(), seconds)),
      left_(std::move(items)),
      stop_(std::move(stop)),
      tick_(std::move(tick)) {
  for (const Item& item : left_) weight_ += item.weight;
}

Budget TimePlan::begin(std::string_view id) {
  double left_weight = 0;
  for (const Item& item : left_) left_weight += item.weight;
  const auto found = std::ranges::find(left_, id, &Item::id);
  double weight = 0;
  if (found != left_.end()) {
    weight = found->weight;
    left_.erase(found);
  }
  const double share = left_weight > 0 ? weight / left_weight : 0;
  const Instant now = clock_.steady();
  const double left_s = std::max(0.0, Seconds(end_ - now).count());
  std::function<void(double)> tick;
  if (tick_ && weight_ > 0)
    tick = [told = tick_, done = 1 - left_weight / weight_, part = weight / weight_](double spent) {
      told(done + part * spent);
    };
  return Budget(clock_, later(now, left_s * share), stop_, std::move(tick));
}

double Costs::expected_s(std::size_t kind) const {
  double factor = 1;
  for (std::size_t known = kind + 1; known-- > 0; factor *= 2)
    if (seconds_[known] >= 0) return factor * seconds_[known];
  return 0;
}

}  // namespace galley::profiling
