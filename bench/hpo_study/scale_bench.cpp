#include "hpo_study/scale_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "hpo/auto_method.h"
#include "hpo_study/schedule_world.h"

namespace galley::bench {
namespace {

constexpr std::array<std::int64_t, 4> kWidths{1, 4, 16, 64};
constexpr double kMostBudgets = 500;  // of a trial, in which a search must reach the target

Result<std::unique_ptr<hpo::Sampler>> named_sampler(const hpo::StudySpec& spec,
                                                    const hpo::Space& space) {
  return hpo::make_sampler(spec.sampler, space, {.seed = spec.seed});
}

hpo::StudySpec base_spec(std::uint64_t seed) {
  hpo::StudySpec spec;
  spec.measures = {{"log_loss", false}};
  spec.max_resource = ScheduleWorld::kEpochs;
  spec.seed = seed;
  return spec;
}

hpo::StudySpec spec_of(const std::string& method, std::int64_t workers, std::uint64_t seed) {
  auto spec = base_spec(seed);
  spec.sampler = method;
  if (method == "asha") {
    spec.sampler = "random";
    spec.stopping.method = hpo::Stopping::asha;
  } else if (method == "pbt") {
    spec.sampler = "random";
    spec.pbt.enabled = true;
    spec.step = 3;
    spec.population = std::max<std::int64_t>(workers, 8);
  } else if (method == "auto") {
    return hpo::choose_method(
               spec, ScheduleWorld::space(),
               {.at_once = workers,
                .reports_of_a_trial = static_cast<std::int64_t>(ScheduleWorld::kEpochs)})
        .spec;
  }
  return spec;
}

/// What one in a hundred random settings reaches at its best epoch.
double target_of(std::uint64_t world_seed) {
  ScheduleWorld world(world_seed);
  const auto space = ScheduleWorld::space();
  hpo::Rng rng(world_seed, 21);
  std::vector<double> best;
  for (hpo::TrialNumber trial = 0; trial < 1000; ++trial) {
    world.start(trial, space.draw(rng), 0, "");
    double least = std::numeric_limits<double>::infinity();
    for (double epoch = 0; epoch < ScheduleWorld::kEpochs; ++epoch)
      least = std::min(least, world.next(trial).objectives[0]);
    best.push_back(least);
  }
  std::ranges::nth_element(best, best.begin() + 9);
  return best[9];
}

/// Hours until a report is at the target. A method whose study ends before begins another one.
Result<double> hours_to(const std::string& method, std::int64_t workers, std::uint64_t seed,
                        double target) {
  const double most_s = kMostBudgets * ScheduleWorld::kEpochs * ScheduleWorld::kEpochSeconds /
                        static_cast<double>(workers);
  double before_s = 0;
  for (std::uint64_t round = 0; before_s < most_s; ++round) {
    ScheduleWorld world(seed);
    GALLEY_TRY(hpo::Study study, hpo::Study::open(spec_of(method, workers, seed + 1000 * round),
                                                  ScheduleWorld::space(), named_sampler));
    hpo::SimulatedStudy simulated(study, world, {});
    double reached_s = -1;
    simulated.on_report([&](double at_s, hpo::TrialNumber, const hpo::TrialWorld::Step& step) {
      if (step.objectives[0] <= target) reached_s = at_s;
      return reached_s < 0;
    });
    simulated.tell({.kind = hpo::Event::Kind::capacity, .gpus = workers});
    simulated.run_until(most_s - before_s);
    if (reached_s >= 0) return (before_s + reached_s) / 3600;
    if (simulated.now_s() <= 0) break;
    before_s += simulated.now_s();
  }
  return most_s / 3600;
}

/// The one-sided p of at least this many of n fair coins.
double sign_test(std::int64_t wins, std::int64_t n) {
  double p = 0;
  for (std::int64_t k = wins; k <= n; ++k)
    p += std::exp(
        std::lgamma(static_cast<double>(n + 1)) - std::lgamma(static_cast<double>(k + 1)) -
        std::lgamma(static_cast<double>(n - k + 1)) - static_cast<double>(n) * std::log(2.0));
  return p;
}

}  // namespace

Result<PbtGate> run_pbt_gate(std::int64_t seeds) {
  PbtGate gate;
  std::int64_t wins = 0;
  std::int64_t equal = 0;
  constexpr std::int64_t kPopulation = 16;
  for (std::int64_t seed = 1; seed <= seeds; ++seed) {
    ScheduleWorld world(static_cast<std::uint64_t>(seed));
    auto spec = spec_of("pbt", kPopulation, static_cast<std::uint64_t>(seed));
    GALLEY_TRY(hpo::Study study, hpo::Study::open(spec, ScheduleWorld::space(), named_sampler));
    hpo::SimulatedStudy simulated(study, world, {});
    simulated.tell({.kind = hpo::Event::Kind::capacity, .gpus = kPopulation});
    simulated.run_until(std::numeric_limits<double>::infinity());
    const auto best = study.best();
    if (!best)
      return Error{
          Errc::internal, fmt::format("population {} named no best trial", seed), {}, {}, {}};
    const double found = study.trials()[static_cast<std::size_t>(*best)].objectives[0];
    equal += world.replay(study.lineage(*best)) == found ? 1 : 0;

    // Random search trains as many whole runs as the population trained epochs for.
    const auto runs = static_cast<hpo::TrialNumber>(
        simulated.use().trained_s / (ScheduleWorld::kEpochs * ScheduleWorld::kEpochSeconds));
    const auto space = ScheduleWorld::space();
    hpo::Rng rng(static_cast<std::uint64_t>(seed), 31);
    double fixed = std::numeric_limits<double>::infinity();
    for (hpo::TrialNumber run = 0; run < runs; ++run) {
      world.start(run, space.draw(rng), 0, "");
      double last = 0;
      for (double epoch = 0; epoch < ScheduleWorld::kEpochs; ++epoch)
        last = world.next(run).objectives[0];
      fixed = std::min(fixed, last);
    }
    gate.gain += (fixed - found) / static_cast<double>(seeds);
    wins += found < fixed ? 1 : 0;
  }
  gate.p = sign_test(wins, seeds);
  gate.bit_equal = static_cast<double>(equal) / static_cast<double>(seeds);
  return gate;
}

Result<BenchReport> run_scale_bench(const ScaleBenchOptions& options) {
  const std::vector<std::string> methods{"random", "pbt", "asha", "tpe", "gp", "auto"};
  BenchReport report{.name = "hpo-scale"};
  std::vector<double> targets;
  for (std::int64_t seed = 1; seed <= options.seeds; ++seed) {
    targets.push_back(target_of(static_cast<std::uint64_t>(seed)));
    report.seeds.push_back(seed);
  }
  double gap = -std::numeric_limits<double>::infinity();
  double changes = 0;
  std::string best_before;
  for (const std::int64_t workers : kWidths) {
    std::string best;
    double best_mean = std::numeric_limits<double>::infinity();
    double auto_mean = 0;
    for (const auto& method : methods) {
      std::vector<double> hours;
      double log_sum = 0;
      for (std::int64_t seed = 1; seed <= options.seeds; ++seed) {
        GALLEY_TRY(const double h, hours_to(method, workers, static_cast<std::uint64_t>(seed),
                                            targets[static_cast<std::size_t>(seed - 1)]));
        hours.push_back(h);
        log_sum += std::log(h);
      }
      std::ranges::sort(hours);
      const double mean = std::exp(log_sum / static_cast<double>(options.seeds));
      report.figures[fmt::format("hours_{}_w{}", method, workers)] = hours[hours.size() / 2];
      report.figures[fmt::format("mean_hours_{}_w{}", method, workers)] = mean;
      fmt::print(stderr, "{:>3} workers, {:<6}: median {:.2f} h, geometric mean {:.2f} h\n",
                 workers, method, hours[hours.size() / 2], mean);
      if (method == "auto") {
        auto_mean = mean;
      } else if (mean < best_mean) {
        best_mean = mean;
        best = method;
      }
    }
    if (!best_before.empty() && best != best_before) ++changes;
    best_before = best;
    gap = std::max(gap, (auto_mean / best_mean - 1) * 100);
    fmt::print(stderr, "{:>3} workers: best of the five is {}, auto takes {:+.0f} %\n", workers,
               best, (auto_mean / best_mean - 1) * 100);
  }
  report.figures["auto_gap_pct"] = gap;
  report.figures["order_changes"] = changes;
  GALLEY_TRY(const PbtGate gate, run_pbt_gate(std::max<std::int64_t>(options.seeds, 30)));
  report.figures["pbt_over_fixed"] = gate.gain;
  report.figures["pbt_over_fixed_p"] = gate.p;
  report.figures["lineages_bit_equal"] = gate.bit_equal;
  return report;
}

}  // namespace galley::bench
