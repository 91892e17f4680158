#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "scheduler/placer.h"
#include "scheduler/pool.h"

namespace galley::scheduler {

/// How many idle GPUs a node cannot make use of, expected over a mix of typical requests.
///
/// For each kind of typical request, an idle GPU counts as usable in two ways: for the very next
/// request of the kind (all GPUs that are large enough, if the node fits one), and for as many of
/// the kind as fit until GPUs, processors or memory run out. The first is the measure of FGD (Weng
/// et al., "Beware of Fragmentation", USENIX ATC 2023, section 4); alone it does not see that eight
/// idle GPUs beside processors for one request are seven stranded ones, which is what the second
/// adds. Departures from the paper: the second way, memory, and no rounding of the score: with both
/// ways in it the measure has few plateaus, and ties need no luck with the order of nodes.
/// To that comes, for each shared GPU, a part of what is expected to stay idle on it when shares of
/// the mix fill it in random order.
///
/// Profiles are numbered by content and remember which requests lead from one to which other.
class Fragmentation {
 public:
  using Profile = std::uint32_t;

  /// What a request would take on a node with this profile, and what would be left.
  struct Option {
    IdleGpus taken;        // of a share: the device; of whole GPUs: the line they come from
    bool several = false;  // whole GPUs from several lines, the scarcest first
    Profile after = 0;
  };

  void set_mix(std::span<const TypicalRequest> mix);

  Profile profile(std::span<const IdleGpus> gpus);
  /// Idle thousandths that are expected to stay unused on such a node. 0 without a mix.
  double stranded_milli(Profile profile, std::int64_t cpu_milli, std::int64_t memory_mib) const;
  /// The different ways to serve the GPUs of the request; none when they do not fit, one without
  /// change for no GPUs. Valid until the next call.
  std::span<const Option> options(Profile profile, const Request& request);
  std::int64_t idle_milli(Profile profile) const { return profiles_[profile].idle_milli; }
  std::span<const IdleGpus> gpus(Profile profile) const { return profiles_[profile].gpus; }
  /// How many such requests the GPUs of the profile hold. Requires gpus > 0.
  static std::int64_t holds(std::span<const IdleGpus> gpus, const Request& request);

  std::size_t profile_count() const { return profiles_.size(); }
  /// Forgets all profiles, keeps the mix.
  void forget();

 private:
  struct Class {
    Request request;
    double share = 0;
  };
  /// One typical request that a profile's GPUs fit.
  struct Fit {
    double cpu_milli = 0;
    double memory_mib = 0;
    double requests = 0;    // that the GPUs hold
    double fill_milli = 0;  // worth of each of them, weighted
    double next_milli = 0;  // worth of being able to take one, weighted
  };
  struct Entry {
    std::vector<IdleGpus> gpus;
    std::int64_t idle_milli = 0;
    double base_milli = 0;  // stranded if no request fitted
    std::vector<Fit> fits;  // by rising cpu_milli
  };
  /// The GPU side of a request: what options depend on.
  struct GpuKind {
    int gpus = 0;
    int gpu_milli = 0;
    std::int64_t gpu_memory_mib = 0;
    std::vector<ModelIndex> models;
    auto operator<=>(const GpuKind&) const = default;
  };

  Entry make(std::span<const IdleGpus> gpus);
  const std::vector<double>& waste_of(ModelIndex model);
  std::vector<Option> find_options(Profile profile, const Request& request);

  std::vector<Class> mix_;
  std::vector<Entry> profiles_;
  std::map<std::vector<IdleGpus>, Profile> numbers_;
  std::map<GpuKind, std::uint32_t> gpu_kinds_;
  std::unordered_map<std::uint64_t, std::vector<Option>> options_;  // by profile and GpuKind
  std::map<ModelIndex, std::vector<double>> waste_;
};

}  // namespace galley::scheduler
