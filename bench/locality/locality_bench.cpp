#include "locality/locality_bench.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "locality/locality_world.h"
#include "scheduler/placer.h"
#include "scheduler/pool.h"
#include "stop.h"

namespace galley::bench {
namespace {

constexpr double kCacheBytes = 1e12;
constexpr double kPullBytesPerSecond = 200e6;

struct RunFigures {
  double start_delay_s = 0;
  double allocated_pct = 0;
};

scheduler::Pool make_pool() {
  scheduler::Pool pool;
  scheduler::NodeSpec spec{.cpu_milli = kLocalityCpuMilli,
                           .memory_mib = 1 << 20,
                           .devices = {},
                           .cells = {0x03, 0x0c, 0x30, 0xc0, 0x0f, 0xf0},
                           .zone = {}};
  spec.devices.assign(kLocalityGpus, {.model = "A100", .memory_mib = 81'920, .shareable = false});
  for (int node = 0; node < kLocalityNodes; ++node) pool.add_node(spec);
  return pool;
}

scheduler::Request request_of(int gpus, std::int64_t cpu_milli) {
  return {.cpu_milli = cpu_milli, .memory_mib = 0, .gpus = gpus, .models = {}};
}

scheduler::Placer make_placer() {
  std::vector<scheduler::TypicalRequest> mix;
  for (const auto& kind : locality_kinds())
    mix.push_back({request_of(kind.gpus, kind.gpus * kind.cpu_milli_per_gpu), kind.share});
  scheduler::Placer placer;
  placer.set_mix(mix);
  return placer;
}

/// One pass over a world's jobs.
class Run {
 public:
  Run(const LocalityWorld& world, bool told)
      : world_(world), told_(told), caches_(kLocalityNodes, LruCache(kCacheBytes)) {}

  RunFigures figures() {
    const auto warm = world_.jobs.size() / 5;
    for (std::size_t i = 0; i < world_.jobs.size(); ++i) {
      const auto& job = world_.jobs[i];
      advance(job.arrives_s);
      if (i == warm) start_measuring();
      place(job);
    }
    const double length_s = now_s_ - measured_from_s_;
    return {.start_delay_s = delays_s_ / static_cast<double>(started_),
            .allocated_pct = 100 * gpu_seconds_ / (length_s * kLocalityNodes * kLocalityGpus)};
  }

 private:
  struct Running {
    double ends_s = 0;
    scheduler::Request request;
    scheduler::Grant grant;
    bool operator>(const Running& other) const { return ends_s > other.ends_s; }
  };

  void advance(double to_s) {
    while (!running_.empty() && running_.top().ends_s <= to_s) {
      const auto& ended = running_.top();
      pass_time(ended.ends_s);
      pool_.give(ended.request, ended.grant);
      gpus_in_use_ -= ended.request.gpus;
      running_.pop();
    }
    pass_time(to_s);
  }

  void pass_time(double to_s) {
    gpu_seconds_ += gpus_in_use_ * (to_s - now_s_);
    now_s_ = to_s;
  }

  void start_measuring() {
    measured_from_s_ = now_s_;
    gpu_seconds_ = 0;
    delays_s_ = 0;
    started_ = 0;
  }

  double delay_s(const LruCache& cache, const LocalityJob& job) const {
    double missing = 0;
    for (const auto item : {job.image, job.data_set})
      if (!cache.has(item)) missing += world_.item_bytes[item];
    return missing / kPullBytesPerSecond;
  }

  void place(const LocalityJob& job) {
    const auto request = request_of(job.gpus, job.cpu_milli);
    std::vector<float> delays_s;
    if (told_)
      for (const auto& cache : caches_) delays_s.push_back(static_cast<float>(delay_s(cache, job)));
    const auto choice = placer_.choose(pool_, request, delays_s);
    if (!choice) return;
    pool_.take(request, choice->grant);
    gpus_in_use_ += job.gpus;
    running_.push({job.arrives_s + job.runs_s, request, choice->grant});
    auto& cache = caches_[static_cast<std::size_t>(choice->grant.node)];
    delays_s_ += delay_s(cache, job);
    ++started_;
    for (const auto item : {job.image, job.data_set}) cache.use(item, world_.item_bytes[item]);
  }

  const LocalityWorld& world_;
  const bool told_;
  scheduler::Pool pool_ = make_pool();
  scheduler::Placer placer_ = make_placer();
  std::vector<LruCache> caches_;
  std::priority_queue<Running, std::vector<Running>, std::greater<>> running_;
  int gpus_in_use_ = 0;
  double now_s_ = 0;
  double measured_from_s_ = 0;
  double gpu_seconds_ = 0;
  double delays_s_ = 0;
  std::int64_t started_ = 0;
};

}  // namespace

Result<BenchReport> run_locality_bench(const LocalityBenchOptions& options) {
  RunFigures told;
  RunFigures blind;
  BenchReport report{.name = "locality"};
  auto spoke_at = std::chrono::steady_clock::now();
  for (std::int64_t seed = 1; seed <= options.seeds; ++seed) {
    const auto world = make_locality_world(static_cast<std::uint64_t>(seed));
    for (auto [sum, knows] : {std::pair{&told, true}, std::pair{&blind, false}}) {
      const auto figures = Run(world, knows).figures();
      sum->start_delay_s += figures.start_delay_s / static_cast<double>(options.seeds);
      sum->allocated_pct += figures.allocated_pct / static_cast<double>(options.seeds);
    }
    report.seeds.push_back(seed);
    GALLEY_TRY_STATUS(support::check_stop());
    if (std::chrono::steady_clock::now() - spoke_at < std::chrono::seconds(1)) continue;
    spoke_at = std::chrono::steady_clock::now();
    fmt::print(stderr, "locality: seed {} of {}\n", seed, options.seeds);
  }
  report.figures = {
      {"start_delay_reduction_pct", 100 * (1 - told.start_delay_s / blind.start_delay_s)},
      {"allocation_lost_points", blind.allocated_pct - told.allocated_pct},
      {"start_delay_s", told.start_delay_s},
      {"allocated_pct", told.allocated_pct}};
  report.peers["blind"] = {{"start_delay_s", blind.start_delay_s},
                           {"allocated_pct", blind.allocated_pct}};
  return report;
}

}  // namespace galley::bench
