#include "nsga2.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "history.h"
#include "sobol.h"

namespace galley::hpo {
namespace {

constexpr std::size_t kPopulation = 40;
constexpr double kCrossover = 0.9;
constexpr double kCrossoverIndex = 5;  // of simulated binary crossover: how near to the parents
constexpr double kMutationIndex = 10;
constexpr int kFreshTries = 8;  // for a child that was not tried before

bool dominates(const std::vector<double>& a, const std::vector<double>& b) {
  bool is_better = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    is_better = is_better || a[i] < b[i];
  }
  return is_better;
}

struct Parent {
  std::size_t row = 0;
  std::vector<double> objectives;
  std::size_t front = 0;
  double room = 0;  // crowding distance
};

bool is_fitter(const Parent& a, const Parent& b) {
  if (a.front != b.front) return a.front < b.front;
  if (a.room != b.room) return a.room > b.room;
  return a.row < b.row;
}

class Nsga2Sampler : public Sampler {
 public:
  Nsga2Sampler(const Space& space, const SamplerOptions& options)
      : space_(space),
        options_(options),
        history_(space.size()),
        sobol_(space.size(), options.seed),
        startup_(options.startup_trials > 0 ? options.startup_trials : kPopulation) {}

  Point ask(TrialNumber trial) override {
    Rng rng(options_.seed, static_cast<std::uint64_t>(trial));
    Point point;
    if (asked_ < startup_ || population_.size() < 2) {
      point = spread_point(space_, sobol_, asked_, rng);
    } else {
      for (int i = 0; i < kFreshTries; ++i) {
        point = child(rng);
        if (!history_.has_seen(point)) break;
      }
    }
    adopt(trial, point);
    return point;
  }
  void adopt(TrialNumber trial, const Point& point) override {
    ++asked_;
    history_.start(trial, point);
  }
  void observe(const Observation& observation) override {
    const std::size_t row = history_.observe(observation);
    std::erase_if(population_, [row](const Parent& member) { return member.row == row; });
    if (history_.state(row) != History::State::finished) return;
    auto objectives = history_.objectives(row);
    if (objectives.empty()) objectives = {history_.value(row)};
    objectives.resize(options_.objectives, objectives.back());
    population_.push_back({row, std::move(objectives)});
    select();
  }
  void forget(TrialNumber trial) override { history_.forget(trial); }

 private:
  void select() {
    std::vector<std::vector<double>> objectives;
    for (const Parent& member : population_) objectives.push_back(member.objectives);
    const auto fronts = fronts_of(objectives);
    for (std::size_t i = 0; i < population_.size(); ++i) {
      population_[i].front = fronts[i];
      population_[i].room = 0;
    }
    std::ranges::stable_sort(population_, {}, &Parent::front);
    for (auto first = population_.begin(); first != population_.end();) {
      const auto last = std::find_if(first, population_.end(), [&](const Parent& member) {
        return member.front != first->front;
      });
      measure_room(first, last);
      first = last;
    }
    std::ranges::sort(population_, is_fitter);
    if (population_.size() > kPopulation) population_.resize(kPopulation);
  }

  template <class Iterator>
  void measure_room(Iterator first, Iterator last) {
    for (std::size_t k = 0; k < options_.objectives; ++k) {
      std::sort(first, last, [k](const Parent& a, const Parent& b) {
        return a.objectives[k] != b.objectives[k] ? a.objectives[k] < b.objectives[k]
                                                  : a.row < b.row;
      });
      const double width = std::prev(last)->objectives[k] - first->objectives[k];
      first->room = std::prev(last)->room = std::numeric_limits<double>::infinity();
      if (!(width > 0)) continue;
      for (auto at = std::next(first); at != last && std::next(at) != last; ++at)
        at->room += (std::next(at)->objectives[k] - std::prev(at)->objectives[k]) / width;
    }
  }

  const Parent& tournament(Rng& rng) const {
    const Parent& a = population_[rng.below(population_.size())];
    const Parent& b = population_[rng.below(population_.size())];
    return is_fitter(a, b) ? a : b;
  }

  Point child(Rng& rng) const {
    const double* const mother = history_.point(tournament(rng).row);
    const double* const father = history_.point(tournament(rng).row);
    const bool is_crossed = rng.uniform() < kCrossover;
    const double mutation = 1.0 / static_cast<double>(space_.size());
    Point point(mother, mother + space_.size());
    for (std::size_t i = 0; i < point.size(); ++i) {
      const Parameter& p = space_.parameter(i);
      const bool both = !std::isnan(mother[i]) && !std::isnan(father[i]);
      if (is_crossed && rng.uniform() < 0.5) {
        if (p.kind == ParameterKind::categorical || !both)
          point[i] = father[i];
        else
          point[i] = space_.from_unit(
              i, blend(space_.to_unit(i, mother[i]), space_.to_unit(i, father[i]), rng));
      }
      if (rng.uniform() >= mutation || std::isnan(point[i])) continue;
      point[i] = p.kind == ParameterKind::categorical
                     ? space_.draw_value(i, rng)
                     : space_.from_unit(i, mutate(space_.to_unit(i, point[i]), p, rng));
    }
    space_.repair(point, rng);
    return point;
  }

  /// Simulated binary crossover (Deb and Agrawal 1995).
  static double blend(double a, double b, Rng& rng) {
    const double u = rng.uniform();
    const double power = 1 / (kCrossoverIndex + 1);
    const double beta = u < 0.5 ? std::pow(2 * u, power) : std::pow(1 / (2 * (1 - u)), power);
    return 0.5 * ((1 + beta) * a + (1 - beta) * b);
  }

  /// Polynomial mutation; at least a level where there are levels.
  static double mutate(double unit, const Parameter& p, Rng& rng) {
    const double u = rng.uniform();
    const double power = 1 / (kMutationIndex + 1);
    double away = u < 0.5 ? std::pow(2 * u, power) - 1 : 1 - std::pow(2 * (1 - u), power);
    const auto levels = static_cast<double>(p.level_count());
    if (levels > 0 && std::abs(away) < 1 / levels) away = away < 0 ? -1 / levels : 1 / levels;
    return unit + away;
  }

  Space space_;
  SamplerOptions options_;
  History history_;
  Sobol sobol_;
  std::size_t startup_;
  std::uint64_t asked_ = 0;
  std::vector<Parent> population_;  // fittest first
};

}  // namespace

std::vector<std::size_t> fronts_of(const std::vector<std::vector<double>>& objectives) {
  const std::size_t count = objectives.size();
  std::vector<std::size_t> dominators(count, 0);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < count; ++j)
      if (dominates(objectives[j], objectives[i])) ++dominators[i];
  std::vector<std::size_t> fronts(count, count);
  std::size_t placed = 0;
  for (std::size_t front = 0; placed < count; ++front) {
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < count; ++i)
      if (fronts[i] == count && dominators[i] == 0) members.push_back(i);
    for (const std::size_t i : members) {
      fronts[i] = front;
      for (std::size_t j = 0; j < count; ++j)
        if (dominates(objectives[i], objectives[j])) --dominators[j];
    }
    placed += members.size();
  }
  return fronts;
}

std::unique_ptr<Sampler> make_nsga2_sampler(const Space& space, const SamplerOptions& options) {
  return std::make_unique<Nsga2Sampler>(space, options);
}

}  // namespace galley::hpo
