#include "fragmentation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "base/result.h"

namespace galley::scheduler {
namespace {

/// The kinds that are kept: what is rarer changes no choice, but costs as much as what is common.
constexpr double kMixCut = 0.95;
constexpr std::size_t kMostClasses = 256;

/// The weight of the very next request against filling the node. Anything from a half to nine
/// tenths keeps all workloads of `galley bench placement` above FGD; filling alone loses 0.4 points
/// where many share GPUs, the next request alone 1.3 on the default mix.
constexpr double kNextWeight = 0.75;
/// The part of a shared GPU's expected waste that counts on top: shares are placed with more care
/// than in random order, so that all of it would be too much.
constexpr double kShareWasteWeight = 0.5;

bool allows(const Request& request, ModelIndex model) {
  return request.models.empty() || std::ranges::binary_search(request.models, model);
}

/// True when one GPU of the line can serve the request's share, or be one of its whole GPUs.
bool serves(const IdleGpus& gpus, const Request& request) {
  if (gpus.memory_mib < request.gpu_memory_mib || !allows(request, gpus.model)) return false;
  return request.is_share() ? gpus.shareable && gpus.milli >= request.gpu_milli
                            : gpus.milli == kWholeGpuMilli;
}

/// Shares that one GPU of the line holds.
std::int64_t shares_of(const IdleGpus& gpus, const Request& request) {
  std::int64_t shares = gpus.milli / request.gpu_milli;
  if (request.gpu_memory_mib > 0)
    shares = std::min(shares, gpus.memory_mib / request.gpu_memory_mib);
  return shares;
}

void drop(std::vector<IdleGpus>& gpus, const IdleGpus& line, int count) {
  const auto found = std::ranges::find(gpus, line);
  GALLEY_CHECK(found != gpus.end() && found->count >= count, "more GPUs taken than there are");
  found->count -= count;
  if (found->count == 0) gpus.erase(found);
}

void add_one(std::vector<IdleGpus>& gpus, IdleGpus one) {
  if (one.milli == 0) return;
  for (auto& line : gpus) {
    one.count = line.count;
    if (one == line) {
      ++line.count;
      return;
    }
  }
  one.count = 1;
  gpus.insert(std::ranges::upper_bound(gpus, one), one);
}

}  // namespace

void Fragmentation::set_mix(std::span<const TypicalRequest> mix) {
  mix_.clear();
  double all = 0;
  for (const auto& typical : mix) {
    GALLEY_CHECK(is_valid(typical.request), "an invalid typical request");
    if (typical.frequency <= 0) continue;
    mix_.push_back({typical.request, typical.frequency});
    all += typical.frequency;
  }
  std::ranges::stable_sort(mix_, std::greater{}, &Class::share);
  double kept = 0;
  std::size_t count = 0;
  while (count < mix_.size() && count < kMostClasses && kept < kMixCut * all)
    kept += mix_[count++].share;
  mix_.resize(count);
  for (auto& each : mix_) each.share /= kept;
  // Sorted once here, so that each profile's list is: see stranded_milli.
  std::ranges::stable_sort(mix_, {}, [](const Class& each) { return each.request.cpu_milli; });
  forget();
}

void Fragmentation::forget() {
  profiles_.clear();
  numbers_.clear();
  gpu_kinds_.clear();
  options_.clear();
  waste_.clear();
}

/// By thousandths left on a shared GPU of the model: how many of them are expected to stay idle
/// when shares of the mix that fit it come until none does. waste(l) = E[waste(l - share)].
const std::vector<double>& Fragmentation::waste_of(ModelIndex model) {
  auto [found, added] = waste_.try_emplace(model);
  if (!added) return found->second;
  auto& waste = found->second;
  waste.resize(kWholeGpuMilli + 1);
  for (int left = 0; left <= kWholeGpuMilli; ++left) {
    double chance = 0;
    double sum = 0;
    for (const auto& each : mix_) {
      if (!each.request.is_share() || each.request.gpu_milli > left || !allows(each.request, model))
        continue;
      chance += each.share;
      sum += each.share * waste[static_cast<std::size_t>(left - each.request.gpu_milli)];
    }
    waste[static_cast<std::size_t>(left)] = chance > 0 ? sum / chance : left;
  }
  return waste;
}

std::int64_t Fragmentation::holds(std::span<const IdleGpus> gpus, const Request& request) {
  std::int64_t count = 0;
  for (const auto& line : gpus)
    if (serves(line, request))
      count += line.count * (request.is_share() ? shares_of(line, request) : 1);
  return request.is_share() ? count : count / request.gpus;
}

Fragmentation::Entry Fragmentation::make(std::span<const IdleGpus> gpus) {
  Entry made;
  made.gpus.assign(gpus.begin(), gpus.end());
  for (const auto& line : gpus) {
    made.idle_milli += std::int64_t{line.milli} * line.count;
    if (line.milli < kWholeGpuMilli && !mix_.empty())
      made.base_milli += kShareWasteWeight * line.count *
                         waste_of(line.model)[static_cast<std::size_t>(line.milli)];
  }
  if (mix_.empty() || gpus.empty()) return made;

  made.base_milli += static_cast<double>(made.idle_milli);
  for (const auto& [request, share] : mix_) {
    if (request.gpus == 0) continue;
    const auto requests = holds(gpus, request);
    if (requests == 0) continue;
    double usable = 0;
    for (const auto& line : gpus)
      if (serves(line, request)) usable += static_cast<double>(line.milli) * line.count;
    made.fits.push_back({.cpu_milli = static_cast<double>(request.cpu_milli),
                         .memory_mib = static_cast<double>(request.memory_mib),
                         .requests = static_cast<double>(requests),
                         .fill_milli = share * (1 - kNextWeight) * request.gpus * request.gpu_milli,
                         .next_milli = share * kNextWeight * usable});
  }
  return made;
}

Fragmentation::Profile Fragmentation::profile(std::span<const IdleGpus> gpus) {
  std::vector<IdleGpus> key(gpus.begin(), gpus.end());
  const auto [found, added] =
      numbers_.try_emplace(std::move(key), static_cast<Profile>(profiles_.size()));
  if (added) profiles_.push_back(make(gpus));
  return found->second;
}

double Fragmentation::stranded_milli(Profile profile, std::int64_t cpu_milli,
                                     std::int64_t memory_mib) const {
  const Entry& entry = profiles_[profile];
  const auto cpu = static_cast<double>(cpu_milli);
  const auto memory = static_cast<double>(memory_mib);
  double stranded = entry.base_milli;
  for (const auto& fit : entry.fits) {
    if (fit.cpu_milli > cpu) break;
    if (fit.memory_mib > memory) continue;
    double requests = fit.requests;
    // Products instead of divisions where the GPUs run out first, as they mostly do.
    if (requests * fit.cpu_milli > cpu) requests = std::floor(cpu / fit.cpu_milli);
    if (requests * fit.memory_mib > memory) requests = std::floor(memory / fit.memory_mib);
    stranded -= fit.next_milli + requests * fit.fill_milli;
  }
  return stranded;
}

std::span<const Fragmentation::Option> Fragmentation::options(Profile profile,
                                                              const Request& request) {
  const auto kind = gpu_kinds_.try_emplace(
      {request.gpus, request.gpu_milli, request.gpu_memory_mib, request.models},
      static_cast<std::uint32_t>(gpu_kinds_.size()));
  const auto key = std::uint64_t{profile} << 32 | kind.first->second;
  auto found = options_.find(key);
  if (found == options_.end()) found = options_.emplace(key, find_options(profile, request)).first;
  return found->second;
}

std::vector<Fragmentation::Option> Fragmentation::find_options(Profile profile,
                                                               const Request& request) {
  // A copy: making the profiles that follow moves the entries.
  const auto gpus = profiles_[profile].gpus;
  std::vector<Option> found;
  if (request.gpus == 0) return {{.taken = {}, .after = profile}};
  if (request.is_share()) {
    for (const auto& line : gpus) {
      if (!serves(line, request)) continue;
      auto left = gpus;
      drop(left, line, 1);
      auto rest = line;
      rest.milli = static_cast<std::int16_t>(rest.milli - request.gpu_milli);
      rest.memory_mib = static_cast<std::int32_t>(rest.memory_mib - request.gpu_memory_mib);
      add_one(left, rest);
      found.push_back({.taken = line, .after = this->profile(left)});
    }
    return found;
  }

  std::vector<IdleGpus> serving;
  int available = 0;
  for (const auto& line : gpus) {
    if (!serves(line, request)) continue;
    serving.push_back(line);
    available += line.count;
    if (line.count < request.gpus) continue;
    auto left = gpus;
    drop(left, line, request.gpus);
    found.push_back({.taken = line, .after = this->profile(left)});
  }
  if (!found.empty() || available < request.gpus) return found;

  // No kind of GPU suffices alone.
  std::ranges::stable_sort(serving, {}, &IdleGpus::count);
  auto left = gpus;
  int missing = request.gpus;
  for (const auto& line : serving) {
    const int taken = std::min(missing, line.count);
    if (taken > 0) drop(left, line, taken);
    missing -= taken;
  }
  return {{.taken = {}, .several = true, .after = this->profile(left)}};
}

}  // namespace galley::scheduler
