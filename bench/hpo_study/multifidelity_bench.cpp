#include "hpo_study/multifidelity_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <numeric>

#include "hpo/rung_model.h"
#include "hpo_study/curve_pool.h"

namespace galley::bench {
namespace {

constexpr std::size_t kModelCandidates = 100;
constexpr std::size_t kModelLeast = 10;
constexpr double kModelRandomRatio = 0.25;

/// Proposes the runs of a list, each once: in the order of a permutation, or by a model.
class PoolSampler final : public hpo::Sampler {
 public:
  PoolSampler(const CurvePool& pool, std::vector<std::size_t> order, bool by_model,
              std::uint64_t seed)
      : pool_(pool),
        order_(std::move(order)),
        by_model_(by_model),
        rng_(seed, 4),
        settings_(settings_of(pool)),
        model_(settings_) {}

  hpo::Point ask(hpo::TrialNumber trial) override {
    std::size_t at = 0;
    if (by_model_ && model_.known() >= kModelLeast && rng_.uniform() >= kModelRandomRatio) {
      std::vector<hpo::Point> candidates;
      for (std::size_t i = 0; i < std::min(kModelCandidates, order_.size()); ++i)
        candidates.push_back(pool_.runs[order_[i]].settings);
      at = model_.choose(candidates, rng_);
    }
    const std::size_t run = order_[at];
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(at));
    if (by_model_) model_.add(trial, pool_.runs[run].settings);
    return pool_.point(run);
  }
  void adopt(hpo::TrialNumber, const hpo::Point&) override {}
  void observe(const hpo::Observation& seen) override {
    if (!by_model_) return;
    if (seen.objectives.empty())
      model_.set(seen.trial, -1, 0);
    else
      model_.set(seen.trial,
                 seen.resource <= 0 ? std::numeric_limits<int>::max()
                                    : static_cast<int>(seen.resource * 1000),
                 seen.objectives[0]);
  }
  void forget(hpo::TrialNumber trial) override { model_.erase(trial); }

 private:
  static hpo::Space settings_of(const CurvePool& pool) {
    const hpo::Space whole = pool.space();
    std::vector<hpo::Parameter> parameters(whole.parameters().begin() + 1,
                                           whole.parameters().end());
    auto space = hpo::Space::make(std::move(parameters));
    GALLEY_CHECK(space.has_value(), "a part of a space is one");
    return *std::move(space);
  }

  const CurvePool& pool_;
  std::vector<std::size_t> order_;
  bool by_model_;
  hpo::Rng rng_;
  hpo::Space settings_;
  hpo::RungModel model_;
};

struct Method {
  std::string name;
  hpo::StoppingSpec stopping{};
  bool own_budget = true;  // rungs are shares of each run's planned epochs, not of 100
  bool by_model = false;
  hpo::SimulationOptions costs{};
};

struct Reached {
  std::vector<double> hours;
  std::vector<double> training_hours;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const auto n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

std::vector<Method> methods() {
  const hpo::StoppingSpec plain{.method = hpo::Stopping::asha, .marks = {0.03, 0.09, 0.27}};
  const hpo::StoppingSpec own{.method = hpo::Stopping::asha};
  return {{.name = "random"},
          {.name = "asha", .stopping = plain, .own_budget = false},
          {.name = "ours_no_model", .stopping = own},
          {.name = "ours", .stopping = own, .by_model = true},
          {.name = "ours_with_costs",
           .stopping = own,
           .by_model = true,
           .costs = {.startup_s = 30, .checkpoint_s = 20}}};
}

Status search(const CurvePool& pool, const Method& method, std::int64_t workers, std::uint64_t seed,
              const std::vector<double>& targets, std::vector<Reached>& reached) {
  std::vector<std::size_t> order(pool.runs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  hpo::Rng rng(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);

  hpo::StudySpec spec;
  spec.measures = {{"top1", true}};
  spec.sampler = "pool";
  spec.stopping = method.stopping;
  if (method.own_budget)
    spec.budget_parameter = "epochs";
  else
    spec.max_resource = 100;
  spec.termination.max_sessions = static_cast<std::int64_t>(pool.runs.size());
  spec.seed = seed;
  GALLEY_TRY(hpo::Study study,
             hpo::Study::open(spec, pool.space(),
                              [&](const hpo::StudySpec&,
                                  const hpo::Space&) -> Result<std::unique_ptr<hpo::Sampler>> {
                                return std::unique_ptr<hpo::Sampler>(std::make_unique<PoolSampler>(
                                    pool, order, method.by_model, seed));
                              }));
  CurveWorld world(pool);
  hpo::SimulatedStudy simulated(study, world, method.costs);
  std::vector<double> at_h(targets.size(), std::numeric_limits<double>::infinity());
  std::vector<double> used_h = at_h;
  simulated.on_report([&](double at_s, hpo::TrialNumber, const hpo::TrialWorld::Step& step) {
    for (std::size_t i = 0; i < targets.size(); ++i)
      if (step.objectives[0] >= targets[i] && at_h[i] > at_s / 3600) {
        at_h[i] = at_s / 3600;
        used_h[i] = simulated.use().busy_s / 3600;
      }
    return std::ranges::any_of(at_h, [](double h) { return !std::isfinite(h); });
  });
  simulated.tell({.kind = hpo::Event::Kind::capacity, .gpus = workers});
  simulated.run_until(std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    reached[i].hours.push_back(at_h[i]);
    reached[i].training_hours.push_back(used_h[i]);
  }
  return ok();
}

}  // namespace

Result<BenchReport> run_multifidelity_bench(const MultifidelityBenchOptions& options) {
  GALLEY_TRY(const CurvePool pool, read_curve_pool(options.curves, options.set));
  const bool alexnet = pool.name == "alexnet-imagenet";
  const std::vector<double> targets{alexnet ? 0.55 : pool.reached_by(35),
                                    alexnet ? 0.58 : pool.reached_by(4)};
  const std::vector<std::string> tags{"055", "058"};
  BenchReport report{.name = "hpo-multifidelity"};
  report.figures["target_055"] = targets[0];
  report.figures["target_058"] = targets[1];
  report.figures["runs"] = static_cast<double>(pool.runs.size());
  for (const auto& method : methods()) {
    std::vector<Reached> reached(targets.size());
    for (std::int64_t seed = 1; seed <= options.permutations; ++seed) {
      GALLEY_TRY_STATUS(search(pool, method, options.workers, static_cast<std::uint64_t>(seed),
                               targets, reached));
    }
    auto& figures = method.name == "ours" ? report.figures : report.peers[method.name];
    for (std::size_t i = 0; i < targets.size(); ++i) {
      figures["median_hours_" + tags[i]] = median(reached[i].hours);
      figures["training_hours_" + tags[i]] = median(reached[i].training_hours);
    }
    fmt::print(stderr, "{} {}: median {:.1f} h and {:.0f} training-hours to {:.3f}\n", pool.name,
               method.name, median(reached[1].hours), median(reached[1].training_hours),
               targets[1]);
  }
  for (const std::string peer : {"asha", "random"}) {
    const auto& other = report.peers[peer];
    for (const std::string& tag : tags) {
      const std::string tail = tag == "058" ? "" : "_" + tag;
      report.figures["speedup_over_" + peer + "_hours" + tail] =
          other.at("median_hours_" + tag) / report.figures["median_hours_" + tag];
      report.figures["speedup_over_" + peer + "_training" + tail] =
          other.at("training_hours_" + tag) / report.figures["training_hours_" + tag];
    }
  }
  for (std::int64_t seed = 1; seed <= options.permutations; ++seed) report.seeds.push_back(seed);
  return report;
}

}  // namespace galley::bench
