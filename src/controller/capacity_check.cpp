#include "capacity_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <tuple>

#include "core.h"
#include "scheduler/pool.h"

namespace galley::controller {
namespace {

using scheduler::NodeIndex;
using scheduler::Pool;
using scheduler::Request;

constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;

bool contains_words(const std::string& model, const std::string& words) {
  const auto same_letter = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  return std::search(model.begin(), model.end(), words.begin(), words.end(), same_letter) !=
         model.end();
}

struct Fleet {
  Pool pool;
  std::vector<std::string> models;
};

Fleet fleet_of(std::span<const protocol::NodeRecord> nodes) {
  Fleet fleet;
  for (const protocol::NodeRecord& node : nodes) {
    const scheduler::NodeOffer offer = offer_of(node);
    if (offer.is_door) continue;  // what lies behind it is not ours to promise
    scheduler::NodeSpec spec{.cpu_milli = offer.cpus * 1000,
                             .memory_mib = offer.memory_bytes / kMebibyte,
                             .devices = {},
                             .cells = offer.cells,
                             .zone = {}};
    for (const scheduler::Device& device : offer.devices) {
      spec.devices.push_back({device.model, device.memory_bytes / kMebibyte, device.shareable});
      if (std::ranges::find(fleet.models, device.model) == fleet.models.end())
        fleet.models.push_back(device.model);
    }
    (void)fleet.pool.add_node(spec);
  }
  return fleet;
}

/// Nothing when the words are of no model that is there.
std::optional<std::vector<scheduler::ModelIndex>> models_of(
    const Fleet& fleet, const std::optional<std::string>& words) {
  std::vector<scheduler::ModelIndex> models;
  if (!words || words->empty()) return models;
  for (const std::string& model : fleet.models)
    if (contains_words(model, *words)) models.push_back(*fleet.pool.find_model(model));
  std::ranges::sort(models);
  if (models.empty()) return std::nullopt;
  return models;
}

/// Takes the first node that fits, best filled first, so that large cells stay whole.
bool take_one(Pool& pool, const Request& request) {
  std::optional<NodeIndex> best;
  for (std::size_t i = 0; i < pool.node_count(); ++i) {
    const auto node = static_cast<NodeIndex>(i);
    if (!pool.fits(node, request)) continue;
    if (!best || pool.free_gpus(node) < pool.free_gpus(*best)) best = node;
  }
  if (!best) return false;
  pool.take(request, {*best, pool.choose_devices(*best, request)});
  return true;
}

/// All members or nothing; several may lie on one node.
bool take_all(const Fleet& fleet, Pool& pool, const protocol::Resources& resources) {
  auto models = models_of(fleet, resources.gpu_type);
  if (!models) return false;
  constexpr std::int64_t kMore = scheduler::kMostGpusOfANode + 1;  // than any node has
  Request request{
      .cpu_milli = resources.cpus * 1000,
      .memory_mib = (resources.memory.count + kMebibyte - 1) / kMebibyte,
      .gpus = static_cast<int>(std::min(resources.gpus, kMore)),
      .gpu_milli = static_cast<int>(resources.gpu_milli.value_or(scheduler::kWholeGpuMilli)),
      .gpu_memory_mib =
          resources.gpu_memory ? (resources.gpu_memory->count + kMebibyte - 1) / kMebibyte : 0,
      .models = *std::move(models)};
  if (request.gpus == 0) request.models.clear();
  for (std::int64_t member = 0; member < resources.nodes; ++member)
    if (!take_one(pool, request)) return false;
  return true;
}

struct Cell {
  const protocol::TeamSpec* team;
  const protocol::GuaranteeSpec* guarantee;
};

std::string describe_cells(const protocol::GuaranteeSpec& guarantee) {
  return fmt::format("{} x {} GPU{}{}", guarantee.count, guarantee.gpus,
                     guarantee.gpus == 1 ? "" : "s",
                     guarantee.gpu_type ? " (" + *guarantee.gpu_type + ")" : "");
}

std::int64_t gpus_in(const Fleet& fleet, const std::optional<std::string>& words) {
  const auto models = models_of(fleet, words);
  if (!models) return 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < fleet.pool.node_count(); ++i)
    for (int device = 0; device < fleet.pool.gpu_count(static_cast<NodeIndex>(i)); ++device)
      if (models->empty() ||
          std::ranges::find(*models, fleet.pool.device_model(static_cast<NodeIndex>(i), device)) !=
              models->end())
        ++count;
  return count;
}

std::int64_t gpus_promised(std::span<const protocol::TeamSpec> teams) {
  std::int64_t sum = 0;
  for (const auto& team : teams)
    for (const auto& guarantee : team.guarantees) sum += guarantee.gpus * guarantee.count;
  return sum;
}

}  // namespace

Status check_guarantees(std::span<const protocol::TeamSpec> teams,
                        std::span<const protocol::NodeRecord> nodes) {
  const Fleet fleet = fleet_of(nodes);
  Pool pool = fleet.pool;
  std::vector<Cell> kinds;
  for (const auto& team : teams)
    for (const auto& guarantee : team.guarantees) kinds.push_back({&team, &guarantee});
  std::ranges::stable_sort(kinds, {}, [](const Cell& cell) {
    return std::tuple(-cell.guarantee->gpus, !cell.guarantee->gpu_type.has_value());
  });
  for (const Cell& cell : kinds) {
    const auto refuse = [&](std::int64_t placed) {
      return Error{
          Errc::conflict,
          fmt::format("team {} cannot be guaranteed {}: only {} of these cells find room beside "
                      "what is guaranteed already ({} GPUs to all teams, of {} that match{} in the "
                      "fleet)",
                      cell.team->name, describe_cells(*cell.guarantee), placed,
                      gpus_promised(teams), gpus_in(fleet, cell.guarantee->gpu_type),
                      cell.guarantee->gpu_type ? " " + *cell.guarantee->gpu_type : ""),
          "guarantees", fmt::format("at most {} of these cells", placed),
          "lower another team's guarantee, or ask for smaller cells"};
    };
    auto models = models_of(fleet, cell.guarantee->gpu_type);
    if (!models) return refuse(0);
    const Request request{.gpus = static_cast<int>(cell.guarantee->gpus),
                          .models = *std::move(models)};
    for (std::int64_t placed = 0; placed < cell.guarantee->count; ++placed)
      if (!take_one(pool, request)) return refuse(placed);
  }
  return ok();
}

Status check_booking(const protocol::ReservationSpec& wanted,
                     std::span<const protocol::ReservationRecord> others,
                     std::span<const protocol::NodeRecord> nodes) {
  const Fleet fleet = fleet_of(nodes);
  Pool empty = fleet.pool;
  if (!take_all(fleet, empty, wanted.resources))
    return Error{Errc::invalid_argument,
                 fmt::format("the fleet could never hold this booking, even if all of it were free "
                             "({} nodes, {} GPUs{})",
                             nodes.size(), gpus_in(fleet, wanted.resources.gpu_type),
                             wanted.resources.gpu_type ? " of " + *wanted.resources.gpu_type : ""),
                 "resources"};
  const WallTime end = wanted.start_at + wanted.duration;
  // The load only grows where a booking begins, so these moments are enough.
  std::vector<WallTime> moments{wanted.start_at};
  for (const auto& other : others)
    if (other.start_at > wanted.start_at && other.start_at < end) moments.push_back(other.start_at);
  for (const WallTime moment : moments) {
    Pool pool = fleet.pool;
    const protocol::ReservationRecord* in_the_way = nullptr;
    for (const auto& other : others) {
      if (other.start_at > moment || other.start_at + other.duration <= moment) continue;
      // What was promised to an earlier booking stays promised when the fleet has shrunk since.
      (void)take_all(fleet, pool, other.resources);
      in_the_way = &other;
    }
    if (take_all(fleet, pool, wanted.resources)) continue;
    GALLEY_CHECK(in_the_way != nullptr, "an empty fleet held the booking a moment ago");
    return Error{Errc::conflict,
                 fmt::format("the slot is taken: at {} booking {} of team {} leaves too little",
                             to_rfc3339(moment), in_the_way->id.str(), in_the_way->team),
                 "start_at",
                 fmt::format("from {} on, for one",
                             to_rfc3339(in_the_way->start_at + in_the_way->duration))};
  }
  return ok();
}

}  // namespace galley::controller
