#include "scores.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/result.h"

namespace galley::scheduler {
namespace {

constexpr double kMicros = 1e6;
/// 32 bytes each: 128 MiB for a fleet of 10,000 nodes and 400 kinds of request.
constexpr std::size_t kMostScores = std::size_t{1} << 22;
constexpr std::size_t kMostProfiles = std::size_t{1} << 18;

/// Halvings of a buddy cell that taking `gpus` of these whole free cells needs.
int broken_levels(std::span<const std::uint8_t> cells, int gpus) {
  if (cells.empty() || gpus == 0) return 0;
  int smallest = 0;
  for (const int cell : cells)
    if (cell >= gpus) smallest = cell;  // they fall
  // No cell holds them all: they are gathered from smaller ones, over slower links.
  if (smallest == 0) return std::bit_width(static_cast<unsigned>(gpus));
  return std::bit_width(static_cast<unsigned>(smallest)) -
         std::bit_width(static_cast<unsigned>(gpus));
}

std::int64_t micros(double seconds) { return std::llround(seconds * kMicros); }

}  // namespace

std::size_t least_bucket(const Request& request) {
  if (request.gpus == 0) return 0;
  return request.is_share() ? 1 : 1 + static_cast<std::size_t>(request.gpus);
}

std::size_t Placer::Scores::RequestHash::operator()(const Request& request) const {
  std::uint64_t hash = 0x9E3779B97F4A7C15ULL;
  const auto mix = [&hash](std::int64_t value) {
    hash = (hash ^ static_cast<std::uint64_t>(value)) * 0xC2B2AE3D27D4EB4FULL;
    hash ^= hash >> 29;
  };
  mix(request.cpu_milli);
  mix(request.memory_mib);
  mix(request.gpus * 2048 + request.gpu_milli);
  mix(request.gpu_memory_mib);
  mix(request.needs);
  for (const auto model : request.models) mix(static_cast<std::int64_t>(model));
  return static_cast<std::size_t>(hash);
}

void Placer::Scores::set_mix(std::span<const TypicalRequest> mix) {
  fragmentation_.set_mix(mix);
  forget();
}

void Placer::Scores::forget() {
  fragmentation_.forget();
  states_.clear();
  kinds_.clear();
  kind_of_.clear();
  scores_ = 0;
}

void Placer::Scores::attend(const Pool& pool) {
  const auto lineage = pool.lineage();
  if (lineage == lineage_ && scores_ < kMostScores &&
      fragmentation_.profile_count() < kMostProfiles)
    return;
  forget();
  lineage_ = lineage;
}

Placer::Scores::Kind& Placer::Scores::kind(const Pool& pool, const Request& request) {
  const auto [found, added] = kind_of_.try_emplace(request, kinds_.size());
  if (added) kinds_.push_back({.request = request, .of_group = {}});
  Kind& kind = kinds_[found->second];
  if (kind.of_group.size() < pool.group_bound()) {
    scores_ += pool.group_bound() - kind.of_group.size();
    kind.of_group.resize(pool.group_bound());
  }
  return kind;
}

const Placer::Scores::State& Placer::Scores::state(const Pool& pool, GpuStateId gpus) {
  const auto number = static_cast<std::size_t>(gpus);
  if (number >= states_.size()) states_.resize(number + 1);
  State& known = states_[number];
  if (!known.known) {
    const auto read = pool.gpu_state(gpus);
    known.profile = fragmentation_.profile(read.gpus);
    known.idle_milli = fragmentation_.idle_milli(known.profile);
    known.cells = read.cells;
    known.abilities = read.abilities;
    known.known = true;
  }
  return known;
}

const Placer::Scores::Score& Placer::Scores::score(const Pool& pool, Kind& kind, GroupIndex group) {
  Score& known = kind.of_group[static_cast<std::size_t>(group)];
  const auto& now = pool.group(group);
  if (known.gpus != now.gpus || known.cpu_free_milli != now.cpu_free_milli ||
      known.memory_free_mib != now.memory_free_mib)
    known = compute(pool, kind.request, now);
  return known;
}

Placer::Scores::Score Placer::Scores::compute(const Pool& pool, const Request& request,
                                              const Pool::Group& group) {
  Score score{.gpus = group.gpus,
              .cpu_free_milli = group.cpu_free_milli,
              .memory_free_mib = group.memory_free_mib};
  const auto cpu_left = group.cpu_free_milli - request.cpu_milli;
  const auto memory_left = group.memory_free_mib - request.memory_mib;
  if (cpu_left < 0 || memory_left < 0) return score;
  const State& before = state(pool, group.gpus);
  if ((request.needs & ~before.abilities) != 0) return score;
  const auto options = fragmentation_.options(before.profile, request);
  if (options.empty()) return score;

  const double stranded =
      fragmentation_.stranded_milli(before.profile, group.cpu_free_milli, group.memory_free_mib);
  std::int64_t fullest = 0;
  for (std::uint32_t number = 0; number < options.size(); ++number) {
    const auto& option = options[number];
    const double growth =
        fragmentation_.stranded_milli(option.after, cpu_left, memory_left) - stranded;
    const bool opens = option.several || option.taken.milli == kWholeGpuMilli;
    const double cost =
        prices.stranded_gpu_s * growth / kWholeGpuMilli +
        prices.broken_cell_s * (opens ? broken_levels(before.cells, request.gpus) : 0);
    const auto cost_us = micros(cost);
    const std::int64_t idle = option.taken.milli;
    if (cost_us > score.fragmentation_us || (cost_us == score.fragmentation_us && idle >= fullest))
      continue;
    score.fragmentation_us = cost_us;
    score.option = number;
    fullest = idle;  // of devices that cost the same, the one with the least idle
  }
  return score;
}

std::int64_t Placer::Scores::holds(const Pool& pool, const Request& request, GroupIndex group,
                                   std::int64_t most) {
  const auto& now = pool.group(group);
  if (request.cpu_milli > 0) most = std::min(most, now.cpu_free_milli / request.cpu_milli);
  if (request.memory_mib > 0) most = std::min(most, now.memory_free_mib / request.memory_mib);
  if ((request.needs & ~state(pool, now.gpus).abilities) != 0) return 0;
  if (request.gpus > 0 && most > 0)
    most = std::min(
        most, Fragmentation::holds(fragmentation_.gpus(state(pool, now.gpus).profile), request));
  return most;
}

DeviceSet Placer::Scores::devices(const Pool& pool, Kind& kind, NodeIndex node) {
  const Request& request = kind.request;
  if (request.gpus == 0) return 0;
  const auto number = score(pool, kind, pool.group_of(node)).option;
  const auto profile = state(pool, pool.group(pool.group_of(node)).gpus).profile;
  const auto option = fragmentation_.options(profile, request)[number];
  const auto of_line = [&](int device, const IdleGpus& line) {
    return pool.device_model(node, device) == line.model &&
           pool.device_shareable(node, device) == line.shareable &&
           pool.idle_milli(node, device) == line.milli &&
           pool.idle_memory_mib(node, device) == line.memory_mib;
  };
  if (option.several) return pool.choose_devices(node, request);
  DeviceSet alike = 0;
  for (DeviceSet left = pool.in_service(node); left != 0; left &= left - 1)
    if (of_line(std::countr_zero(left), option.taken)) alike |= left & (~left + 1);
  GALLEY_CHECK(alike != 0, "a scored device is not on its node");
  if (option.taken.milli == kWholeGpuMilli) return pool.choose_cells(node, request.gpus, alike);
  return alike & (~alike + 1);
}

std::optional<Rank> Placer::Scores::rank_of(const Pool& pool, Kind& kind,
                                            std::span<const float> delay_s, NodeIndex node,
                                            std::int64_t most_us) {
  const auto index = pool.group_of(node);
  if (index == kNoGroup || pool.group(index).bucket < least_bucket(kind.request))
    return std::nullopt;
  const auto& known = score(pool, kind, index);
  if (known.fragmentation_us == kNever) return std::nullopt;
  const auto number = static_cast<std::size_t>(node);
  const auto delay_us = delay_s.empty() ? 0 : micros(static_cast<double>(delay_s[number]));
  if (known.fragmentation_us + delay_us > most_us) return std::nullopt;
  const auto& group = pool.group(index);
  return Rank{.total_us = known.fragmentation_us + delay_us,
              .idle_milli = idle_milli(pool, group.gpus),
              .cpu_milli = group.cpu_free_milli,
              .memory_mib = group.memory_free_mib,
              .node = node};
}

std::optional<Rank> Placer::Scores::best(const Pool& pool, Kind& kind,
                                         std::span<const float> delay_s) {
  std::optional<Rank> best;
  for (std::size_t n = 0; n < pool.node_count(); ++n) {
    const auto rank = rank_of(pool, kind, delay_s, NodeIndex{static_cast<std::uint32_t>(n)},
                              best ? best->total_us : kNever);
    if (rank && (!best || *rank < *best)) best = rank;
  }
  return best;
}

std::vector<Rank> Placer::Scores::rank(const Pool& pool, Kind& kind, std::span<const float> delay_s,
                                       std::span<const NodeIndex> nodes) {
  std::vector<Rank> ranks;
  ranks.reserve(nodes.size());
  for (const auto node : nodes)
    if (const auto rank = rank_of(pool, kind, delay_s, node, kNever)) ranks.push_back(*rank);
  return ranks;
}

std::vector<Rank> Placer::Scores::rank_all(const Pool& pool, Kind& kind,
                                           std::span<const float> delay_s) {
  std::vector<NodeIndex> nodes(pool.node_count());
  for (std::size_t n = 0; n < nodes.size(); ++n)
    nodes[n] = NodeIndex{static_cast<std::uint32_t>(n)};
  return rank(pool, kind, delay_s, nodes);
}

Choice Placer::Scores::choice(const Pool& pool, Kind& kind, const Rank& rank,
                              std::span<const float> delay_s) {
  const auto& known = score(pool, kind, pool.group_of(rank.node));
  const auto number = static_cast<std::size_t>(rank.node);
  return {.grant = {.node = rank.node, .devices = devices(pool, kind, rank.node)},
          .terms = {.start_delay_s = delay_s.empty() ? 0 : static_cast<double>(delay_s[number]),
                    .fragmentation_s = static_cast<double>(known.fragmentation_us) / kMicros,
                    .spread_s = 0}};
}

}  // namespace galley::scheduler
