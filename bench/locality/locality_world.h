#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "traces/arrivals.h"

namespace galley::bench {

/// An image or a data set: something that a job needs on its node.
using Item = std::uint32_t;

/// What a node keeps of the items it has pulled: those used last, up to a number of bytes.
class LruCache {
 public:
  explicit LruCache(double bytes) : room_(bytes) {}
  bool has(Item item) const { return where_.contains(item); }
  /// Makes the item the one used last; pushes out the longest unused until all fits.
  void use(Item item, double bytes);

 private:
  struct Kept {
    Item item = 0;
    double bytes = 0;
  };
  double room_;
  std::list<Kept> kept_;  // the one used last first
  std::unordered_map<Item, std::list<Kept>::iterator> where_;
};

struct LocalityJob {
  double arrives_s = 0;
  double runs_s = 0;
  int gpus = 0;
  std::int64_t cpu_milli = 0;
  Item image = 0;
  Item data_set = 0;
};

/// The jobs of one seed and the sizes of what they need. 50 images of 0.5 to 20 GB and 30 data sets
/// of 1 to 200 GB, log-uniform, each kind's popularity by Zipf's law with exponent 1 and apart from
/// its size. Jobs of 1, 2, 4 and 8 GPUs with 4 to 24 processors for each, Poisson arrivals,
/// log-normal durations (median one hour).
struct LocalityWorld {
  std::vector<double> item_bytes;  // images first
  std::vector<LocalityJob> jobs;   // by arrival
};

inline constexpr int kLocalityNodes = 64;
inline constexpr int kLocalityGpus = 8;
inline constexpr std::int64_t kLocalityCpuMilli = 128'000;

/// GPU counts and processors per GPU that jobs ask for, with how often.
struct JobKind {
  int gpus = 0;
  std::int64_t cpu_milli_per_gpu = 0;
  double share = 0;
};
std::vector<JobKind> locality_kinds();

LocalityWorld make_locality_world(std::uint64_t seed);

}  // namespace galley::bench
