#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>

#include "base/text.h"
#include "hpo/hpo_bench.h"
#include "hpo/sampler.h"
#include "hpo/service_rates.h"
#include "process/child.h"
#include "support/statistics.h"

namespace galley::bench {
namespace {

constexpr std::int64_t kPairs = 100;
constexpr Millis kOverheadTimeout{900'000};

Result<hpo::Space> overhead_space() {
  std::vector<hpo::Parameter> parameters;
  for (int i = 0; i < 8; ++i) {
    hpo::Parameter p{.name = fmt::format("x{}", i), .choices = {}};
    if (i < 4) {
      p.low = 1e-5;
      p.high = 1;
      p.log = true;
    } else if (i < 6) {
      p.kind = hpo::ParameterKind::integer;
      p.low = 1;
      p.high = 64;
    } else {
      p.kind = hpo::ParameterKind::categorical;
      for (std::int64_t k = 0; k < 4; ++k) p.choices.emplace_back(k);
    }
    parameters.push_back(std::move(p));
  }
  return hpo::Space::make(std::move(parameters));
}

/// Anything that a sampler can learn; the script of the peer has the same.
double objective(const hpo::Point& point) {
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i) sum += std::pow(std::log10(point[i]) + 2, 2);
  for (std::size_t i = 4; i < 6; ++i) sum += std::pow(point[i] / 32 - 1, 2);
  for (std::size_t i = 6; i < 8; ++i) sum += point[i] == 2 ? 0 : 1;
  return sum;
}

double now_us(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

struct PairTimes {
  std::vector<double> wall_us;
  std::vector<double> cpu_us;
};

Result<PairTimes> time_pairs(const char* sampler_name, const hpo::Space& space, std::int64_t trials,
                             std::uint64_t seed) {
  GALLEY_TRY(auto sampler, hpo::make_sampler(sampler_name, space, {.seed = seed}));
  hpo::Rng rng(seed);
  hpo::TrialNumber trial = 0;
  for (; trial < trials; ++trial) {
    const hpo::Point point = space.draw(rng);
    sampler->adopt(trial, point);
    sampler->observe({.trial = trial, .point = point, .objectives = {objective(point)}});
  }
  PairTimes times;
  for (std::int64_t i = 0; i < kPairs; ++i, ++trial) {
    const double wall = now_us(CLOCK_MONOTONIC);
    const double cpu = now_us(CLOCK_THREAD_CPUTIME_ID);
    const hpo::Point point = sampler->ask(trial);
    sampler->observe({.trial = trial, .point = point, .objectives = {objective(point)}});
    times.cpu_us.push_back(now_us(CLOCK_THREAD_CPUTIME_ID) - cpu);
    times.wall_us.push_back(now_us(CLOCK_MONOTONIC) - wall);
  }
  return times;
}

using Samples = std::map<std::string, std::vector<double>>;

/// "name value" lines, one round of the peer.
Status read_peer_round(const std::filesystem::path& script, std::int64_t round, Samples& samples) {
  GALLEY_TRY(const auto output,
             process::run_child({"/usr/bin/python3", script.string(), std::to_string(round)},
                                {.timeout = kOverheadTimeout}));
  if (!output.succeeded())
    return Error{Errc::not_found,
                 fmt::format("{} failed: {}", script.string(), trim(output.stderr_bytes)), "",
                 "python3-optuna"};
  for (const std::string_view line : split(output.stdout_bytes, '\n')) {
    const auto words = split(trim(line), ' ');
    double value = 0;
    if (words.size() != 2 ||
        std::from_chars(words[1].data(), words[1].data() + words[1].size(), value).ec !=
            std::errc())
      continue;
    samples[std::string(words[0])].push_back(value);
  }
  return ok();
}

struct OverheadCase {
  const char* sampler;
  const char* prefix;  // of the figures' names
  std::int64_t trials;
  const char* suffix;
};
constexpr OverheadCase kCases[] = {{"tpe", "ask_tell", 1'000, "1k"},
                                   {"tpe", "ask_tell", 10'000, "10k"},
                                   {"tpe", "tpe_ask_tell", 100'000, "100k"},
                                   {"cmaes", "cmaes_ask_tell", 10'000, "10k"},
                                   {"nsga2", "nsga2_ask_tell", 1'000, "1k"},
                                   {"sobol", "sobol_ask_tell", 10'000, "10k"},
                                   {"random", "random_ask_tell", 10'000, "10k"},
                                   {"gp", "gp_ask_tell", 100, "100"},
                                   {"gp", "gp_ask_tell", 500, "500"},
                                   {"gp", "gp_ask_tell", 2'000, "2k"}};

}  // namespace

Result<BenchReport> run_hpo_overhead_bench(const HpoOverheadOptions& options) {
  GALLEY_TRY(const auto space, overhead_space());
  BenchReport report{.name = "hpo-overhead", .figures = {}, .peers = {}, .seeds = {}};
  Samples ours;
  Samples theirs;
  for (std::int64_t round = 0; round < options.rounds; ++round) {
    report.seeds.push_back(round);
    for (const OverheadCase& one : kCases) {
      std::fprintf(stderr, "round %ld: %s, %ld trials\n", static_cast<long>(round), one.sampler,
                   static_cast<long>(one.trials));
      GALLEY_TRY(const auto times,
                 time_pairs(one.sampler, space, one.trials, static_cast<std::uint64_t>(round)));
      ours[fmt::format("{}_us_p50_{}", one.prefix, one.suffix)].push_back(
          support::median(times.wall_us));
      ours[fmt::format("{}_us_p99_{}", one.prefix, one.suffix)].push_back(
          support::quantile(times.wall_us, 0.99));
      ours[fmt::format("{}_cpu_us_p50_{}", one.prefix, one.suffix)].push_back(
          support::median(times.cpu_us));
    }
    std::fprintf(stderr, "round %ld: optuna\n", static_cast<long>(round));
    GALLEY_TRY_STATUS(read_peer_round(options.peers / "optuna_overhead.py", round, theirs));
  }
  if (!options.programs.empty()) {
    GALLEY_TRY(const auto rates, measure_service_rates(options.programs));
    report.figures["durable_10k_s"] = rates.durable_10k_s;
    report.figures["http_trials_per_s"] = rates.http_trials_per_s;
    report.figures["reopen_100k_s"] = rates.reopen_100k_s;
  }
  for (const auto& [name, values] : ours) report.figures[name] = support::median(values);
  for (const auto& [name, values] : theirs) report.peers["optuna"][name] = support::median(values);
  for (const char* size : {"1k", "10k"}) {
    const std::string name = fmt::format("ask_tell_us_p50_{}", size);
    const std::string cpu = fmt::format("ask_tell_cpu_us_p50_{}", size);
    report.figures[fmt::format("speedup_{}", size)] =
        report.peers["optuna"][name] / report.figures[name];
    report.figures[fmt::format("cpu_speedup_{}", size)] =
        report.peers["optuna"][cpu] / report.figures[cpu];
  }
  return report;
}

}  // namespace galley::bench
