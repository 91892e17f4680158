#include "hpo/population.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "pb2.h"

namespace galley::hpo {
namespace {

constexpr int kPerturbTries = 20;
constexpr double kStepSlack = 1e-9;

double moved(const Parameter& parameter, double value, double factor, Rng& rng) {
  const bool up = rng.uniform() < 0.5;
  if (parameter.kind == ParameterKind::ordered) return value + (up ? 1 : -1);
  if (!parameter.is_number()) return value;
  double next = up ? value * factor : value / factor;
  if (!parameter.log && parameter.low <= 0) {
    const double width = (factor - 1) * (parameter.high - parameter.low);
    next = value + (up ? width : -width);
  }
  const double grain =
      parameter.kind == ParameterKind::integer ? std::max(1.0, parameter.step) : parameter.step;
  // A whole or quantised value moves by one of its steps at least.
  if (grain > 0 && std::abs(next - value) < grain) next = value + (up ? grain : -grain);
  return next;
}

struct Member {
  Point point{};
  double resource = 0;
  double loss = std::numeric_limits<double>::infinity();
  double decided_at = 0;  // resource of the last comparison
  double decided_loss = std::numeric_limits<double>::quiet_NaN();
  bool has_reported = false;
  bool has_finished = false;
  std::int64_t turn = 0;  // when it last was given GPUs
};

class Population final : public EarlyStopping {
 public:
  Population(const PopulationSpec& spec, Space space, double step, std::int64_t size,
             std::uint64_t seed)
      : spec_(spec),
        space_(std::move(space)),
        step_(step),
        size_(static_cast<std::size_t>(size)),
        rng_(seed, 1),
        bandit_(space_, seed) {}

  // The model keeps a reference to the space beside it.
  Population(const Population&) = delete;
  Population& operator=(const Population&) = delete;

  bool wants_trial() const override { return alive_ < size_; }
  bool takes_turns() const override { return true; }

  void begin(TrialNumber trial, const Point& point) override {
    members_[trial] = Member{.point = point, .turn = ++turns_};
    ++alive_;
  }

  Ruling report(const Standing& standing) override {
    const auto found = members_.find(standing.trial);
    if (found == members_.end()) return {};
    auto& self = found->second;
    self.resource = standing.resource;
    self.loss = std::isnan(standing.loss) ? std::numeric_limits<double>::infinity() : standing.loss;
    self.has_reported = true;
    if (standing.resource < self.decided_at + step_ - kStepSlack || standing.share >= 1) return {};
    if (!std::isnan(self.decided_loss))
      bandit_.observe(self.point, standing.resource, self.decided_loss - self.loss);
    self.decided_at = standing.resource;
    self.decided_loss = self.loss;

    const auto source = better_member(standing.trial);
    if (!source) return {Verdict::proceed, place_of(standing.trial)};
    const auto& good = members_.at(*source);
    Ruling ruling{Verdict::exploit, {}, *source, explore(good.point, standing.resource)};
    ruling.why = fmt::format("{}: loss {:.6g} after {:g}, trial {} has {:.6g} after {:g}",
                             place_of(standing.trial), self.loss, self.resource, *source, good.loss,
                             good.resource);
    // From now on it is the good one with other settings.
    self.point = ruling.point;
    self.resource = good.resource;
    self.decided_at = good.resource;
    self.loss = good.loss;
    self.decided_loss = good.loss;
    return ruling;
  }

  void finish(TrialNumber trial) override {
    if (const auto found = members_.find(trial); found != members_.end())
      found->second.has_finished = true;
  }
  void fail(TrialNumber trial) override {
    if (members_.erase(trial) != 0) --alive_;
  }

  std::optional<Promotion> promote(const std::set<TrialNumber>& paused) override {
    if (paused.empty()) return std::nullopt;
    const auto behind = std::ranges::min_element(paused, {}, [&](TrialNumber trial) {
      const auto found = members_.find(trial);
      return found == members_.end() ? std::pair(0.0, std::int64_t{0})
                                     : std::pair(found->second.resource, found->second.turn);
    });
    if (const auto found = members_.find(*behind); found != members_.end())
      found->second.turn = ++turns_;
    return Promotion{*behind, "it is the member that is furthest behind"};
  }

 private:
  std::vector<TrialNumber> by_loss() const {
    std::vector<TrialNumber> order;
    for (const auto& [trial, member] : members_)
      if (member.has_reported) order.push_back(trial);
    std::ranges::stable_sort(order, {}, [&](TrialNumber t) { return members_.at(t).loss; });
    return order;
  }

  std::string place_of(TrialNumber trial) const {
    const auto order = by_loss();
    const auto rank = std::ranges::find(order, trial) - order.begin() + 1;
    return fmt::format("number {} of {} members", rank, order.size());
  }

  /// Whom to copy, if this one should copy at all.
  std::optional<TrialNumber> better_member(TrialNumber trial) {
    const auto order = by_loss();
    if (order.size() < 2) return std::nullopt;
    const auto rank = static_cast<std::size_t>(std::ranges::find(order, trial) - order.begin());
    if (spec_.exploit == PopulationSpec::Exploit::binary_tournament) {
      auto other = static_cast<std::size_t>(rng_.below(order.size() - 1));
      other += other >= rank ? 1 : 0;
      return can_copy(order[other], trial);
    }
    const auto share = std::max<std::size_t>(
        1, static_cast<std::size_t>(spec_.truncation_ratio * static_cast<double>(order.size())));
    if (rank + share < order.size()) return std::nullopt;
    const auto chosen = order[static_cast<std::size_t>(rng_.below(share))];
    return can_copy(chosen, trial);
  }

  /// What has finished has nothing left to train, and is no source.
  std::optional<TrialNumber> can_copy(TrialNumber source, TrialNumber trial) const {
    const Member& good = members_.at(source);
    if (good.has_finished || !(good.loss < members_.at(trial).loss)) return std::nullopt;
    return source;
  }

  Point explore(const Point& point, double resource) {
    switch (spec_.explore) {
      case PopulationSpec::Explore::perturb:
        return perturb(space_, point, spec_, rng_);
      case PopulationSpec::Explore::resample:
        return space_.draw(rng_);
      case PopulationSpec::Explore::pb2:
        break;
    }
    // Choices have no place in the model: they are perturbed as usual, numbers are suggested.
    Point next = bandit_.suggest(point, resource);
    PopulationSpec choices = spec_;
    const Point shaken = perturb(space_, next, choices, rng_);
    Point mixed = next;
    for (std::size_t i = 0; i < mixed.size(); ++i)
      if (!space_.parameter(i).is_number()) mixed[i] = shaken[i];
    return space_.contains_hard(mixed) ? mixed : next;
  }

  PopulationSpec spec_;
  Space space_;
  double step_;
  std::size_t size_;
  Rng rng_;
  IntervalBandit bandit_;
  std::map<TrialNumber, Member> members_;
  std::size_t alive_ = 0;
  std::int64_t turns_ = 0;
};

}  // namespace

Point perturb(const Space& space, const Point& point, const PopulationSpec& spec, Rng& rng) {
  for (int attempt = 0; attempt < kPerturbTries; ++attempt) {
    Point next = point;
    for (std::size_t i = 0; i < space.size(); ++i) {
      if (std::isnan(point[i])) continue;
      next[i] = rng.uniform() < spec.resample_ratio
                    ? space.draw_value(i, rng)
                    : space.nearest_hard(i, moved(space.parameter(i), point[i], spec.factor, rng));
    }
    space.settle(next, rng);
    if (space.contains_hard(next)) return next;
  }
  return point;
}

std::unique_ptr<EarlyStopping> make_population(const PopulationSpec& spec, Space space, double step,
                                               std::int64_t size, std::uint64_t seed) {
  return std::make_unique<Population>(spec, std::move(space), step, size, seed);
}

}  // namespace galley::hpo
