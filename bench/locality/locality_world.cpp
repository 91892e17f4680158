#include "locality/locality_world.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace galley::bench {
namespace {

constexpr std::size_t kImages = 50;
constexpr std::size_t kDataSets = 30;
constexpr double kGigabyte = 1e9;
constexpr std::size_t kJobs = 6000;
constexpr double kMedianRun_s = 3600;
constexpr double kRunSigma = 1.0;
/// More is asked for than there is, so that room lost to bad placement is lost to jobs.
constexpr double kOfferedLoad = 1.2;

double log_uniform(Random& random, double least, double most) {
  return least * std::exp(random.uniform() * std::log(most / least));
}

double normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

/// Adds up to 1: the share of rank r is in proportion to 1/r.
std::vector<double> zipf_cumulative(std::size_t count) {
  std::vector<double> cumulative(count);
  double sum = 0;
  for (std::size_t rank = 0; rank < count; ++rank)
    cumulative[rank] = sum += 1.0 / static_cast<double>(rank + 1);
  for (auto& value : cumulative) value /= sum;
  return cumulative;
}

std::size_t draw(Random& random, const std::vector<double>& cumulative) {
  const auto found = std::ranges::upper_bound(cumulative, random.uniform());
  return std::min(static_cast<std::size_t>(found - cumulative.begin()), cumulative.size() - 1);
}

}  // namespace

void LruCache::use(Item item, double bytes) {
  if (const auto found = where_.find(item); found != where_.end()) {
    kept_.splice(kept_.begin(), kept_, found->second);
    return;
  }
  kept_.push_front({item, bytes});
  where_[item] = kept_.begin();
  room_ -= bytes;
  while (room_ < 0 && kept_.size() > 1) {
    room_ += kept_.back().bytes;
    where_.erase(kept_.back().item);
    kept_.pop_back();
  }
}

std::vector<JobKind> locality_kinds() {
  std::vector<JobKind> kinds;
  const std::vector<std::pair<int, double>> gpus = {{1, 0.5}, {2, 0.2}, {4, 0.15}, {8, 0.15}};
  const std::vector<std::pair<std::int64_t, double>> cpus = {
      {4'000, 0.3}, {8'000, 0.3}, {14'000, 0.25}, {24'000, 0.15}};
  for (const auto& [count, count_share] : gpus)
    for (const auto& [cpu, cpu_share] : cpus) {
      // A job that needs all of a node's GPUs gets no more processors than the node has.
      const auto most = kLocalityCpuMilli / count;
      kinds.push_back({count, std::min(cpu, most), count_share * cpu_share});
    }
  return kinds;
}

LocalityWorld make_locality_world(std::uint64_t seed) {
  Random random(seed);
  LocalityWorld world;
  for (std::size_t i = 0; i < kImages; ++i)
    world.item_bytes.push_back(log_uniform(random, 0.5, 20) * kGigabyte);
  for (std::size_t i = 0; i < kDataSets; ++i)
    world.item_bytes.push_back(log_uniform(random, 1, 200) * kGigabyte);

  const auto images = zipf_cumulative(kImages);
  const auto data_sets = zipf_cumulative(kDataSets);
  const auto kinds = locality_kinds();
  std::vector<double> kind_cumulative;
  double gpus_per_job = 0;
  for (const auto& kind : kinds) {
    gpus_per_job += kind.gpus * kind.share;
    kind_cumulative.push_back((kind_cumulative.empty() ? 0 : kind_cumulative.back()) + kind.share);
  }
  const double mean_run_s = kMedianRun_s * std::exp(kRunSigma * kRunSigma / 2);
  const double jobs_per_s =
      kOfferedLoad * kLocalityNodes * kLocalityGpus / (gpus_per_job * mean_run_s);
  double now_s = 0;
  for (std::size_t i = 0; i < kJobs; ++i) {
    now_s -= std::log(1 - random.uniform()) / jobs_per_s;
    const auto& kind = kinds[draw(random, kind_cumulative)];
    world.jobs.push_back({.arrives_s = now_s,
                          .runs_s = kMedianRun_s * std::exp(kRunSigma * normal(random)),
                          .gpus = kind.gpus,
                          .cpu_milli = kind.cpu_milli_per_gpu * kind.gpus,
                          .image = static_cast<Item>(draw(random, images)),
                          .data_set = static_cast<Item>(kImages + draw(random, data_sets))});
  }
  return world;
}

}  // namespace galley::bench
