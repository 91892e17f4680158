// The checks that compare whole states: store with scheduler, what is free with what is given.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "checker.h"

namespace galley::world {

using protocol::JobState;

void Checker::agree(controller::CommandStore& store, const controller::Core& core, WallTime now) {
  const auto restored = store.restore(now);
  if (!restored) return fail("the store cannot be read: " + describe(restored.error()));
  std::set<JobId> stored;
  for (const auto& job : restored->queued) {
    stored.insert(job.id);
    if (core.scheduler().find(job.id) == nullptr)
      fail(job.id.str() + " is queued in the store, but the scheduler does not know it: lost");
  }
  if (core.scheduler().queued() != restored->queued.size())
    fail(fmt::format("the scheduler has {} jobs in its queue, the store {}",
                     core.scheduler().queued(), restored->queued.size()));
  for (const auto& attempt : restored->active) {
    stored.insert(attempt.job.id);
    const auto held = held_.find(attempt.job.id);
    if (held == held_.end() || held->second.attempt != attempt.id ||
        !(held->second.placement == attempt.placement))
      fail(attempt.job.id.str() + " holds other GPUs in the store than were decided");
  }
  if (held_.size() != restored->active.size())
    fail(fmt::format("{} attempts hold something, the store has {}", held_.size(),
                     restored->active.size()));
  if (stored != open_)
    fail(fmt::format("{} accepted jobs have not ended, the store knows {} of them", open_.size(),
                     stored.size()));
  const auto held = store.held();
  if (!held) return fail("the store cannot be read: " + describe(held.error()));
  std::map<std::string, std::int64_t> milli;
  for (const auto& device : *held) milli[device.device] += device.milli;
  for (const auto& [device, sum] : milli_held_)
    if (sum != (milli.contains(device) ? milli.at(device) : 0))
      fail(fmt::format("{}: {} milli were decided, the store has given {}", device, sum,
                       milli.contains(device) ? milli.at(device) : 0));
}

/// When the last of those that hold the cell was asked to end; the beginning of time when nobody
/// does. Nothing when one of them stays, or the cell cannot be given.
std::optional<WallTime> Checker::freed_since(const scheduler::NodeOffer& offer,
                                             std::uint64_t cell) const {
  std::set<std::string> devices;
  for (std::size_t i = 0; i < offer.devices.size(); ++i) {
    if ((cell >> i & 1U) == 0) continue;
    if (!offer.devices[i].in_service) return std::nullopt;
    devices.insert(offer.devices[i].id);
  }
  WallTime since{};
  for (const auto& [job, held] : held_)
    for (const auto& share : held.placement.shares) {
      if (share.node != offer.id || std::ranges::none_of(share.device_ids, [&](const auto& device) {
            return devices.contains(device);
          }))
        continue;
      const auto stopping = stopping_.find(job);
      if (stopping == stopping_.end()) return std::nullopt;
      since = std::max(since, stopping->second);
    }
  return since;
}

/// Cells of the team that cannot be: a GPU of theirs is broken, or what other teams run on their
/// own cells still lies in the way of those of a new team.
bool Checker::has_no_cells(const std::string& team, const controller::Core& core) const {
  if (core.scheduler().lost_cells(team) == 0) return false;
  const auto is_broken = [](const auto& entry) {
    return !std::ranges::all_of(entry.second.devices, &scheduler::Device::in_service);
  };
  const auto is_guaranteed_to_another = [&](const auto& entry) {
    const auto& record = jobs_.at(entry.first).record;
    const auto other = teams_.find(record.team);
    return record.team != team && record.priority_class != protocol::PriorityClass::idle &&
           other != teams_.end() && !other->second.guarantees.empty();
  };
  return std::ranges::any_of(offers_, is_broken) ||
         std::ranges::any_of(held_, is_guaranteed_to_another);
}

void Checker::place_is_made(const controller::Core& core, WallTime now) {
  // The machines of this world may take long to end a program, but not longer for being asked late.
  constexpr Millis kPatience = std::chrono::minutes(8);
  constexpr Millis kAskedAtOnce = std::chrono::minutes(1);
  for (auto& [job, owing] : owing_) {
    const auto known = jobs_.find(job);
    if (!waiting_.contains(job) || known == jobs_.end() || retry_at_) continue;
    const auto& record = known->second.record;
    const auto team = teams_.find(record.team);
    if (team == teams_.end() || team->second.guarantees.empty()) continue;
    if (owing.disturbances != disturbances_) owing = {now, disturbances_};
    if (has_no_cells(record.team, core)) {
      owing.since = now;
      continue;
    }
    bool made = false;
    bool asked_at_once = false;
    for (const auto& [id, offer] : offers_) {
      std::vector<std::uint64_t> cells = offer.cells;
      for (std::size_t i = 0; i < offer.devices.size(); ++i) cells.push_back(std::uint64_t{1} << i);
      for (const std::uint64_t cell : cells) {
        if (std::popcount(cell) != record.spec.resources.gpus) continue;
        const auto since = freed_since(offer, cell);
        made |= since.has_value();
        asked_at_once |= since && *since != WallTime{} && *since <= owing.since + kAskedAtOnce;
      }
    }
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now - owing.since);
    if (!made)
      fail(
          fmt::format("guarantee: {} of team {} waits, and no cell of {} GPUs is free or being "
                      "freed",
                      job.str(), record.team, record.spec.resources.gpus));
    else if (waited > kPatience && !asked_at_once)
      fail(fmt::format("guarantee: {} of team {} has waited {} s for GPUs that its team owns",
                       job.str(), record.team, waited.count()));
  }
}

/// The scheduler with all that waits taken away: nothing competes with what is asked of it.
scheduler::Scheduler Checker::emptied_copy(const controller::Core& core) const {
  scheduler::Scheduler copy = core.scheduler();
  for (const JobId& job : waiting_) copy.apply(scheduler::JobGone{job, {}});
  for (const auto& [name, team] : teams_) {
    scheduler::Team nobody;
    nobody.name = name;
    copy.apply(scheduler::TeamChanged{nobody});
  }
  for (const std::string& booking : bookings_) copy.apply(scheduler::Unbooked{booking});
  return copy;
}

std::set<std::string> Checker::free_devices() const {
  std::set<std::string> free;
  for (const auto& [id, offer] : offers_)
    for (const auto& device : offer.devices) {
      const auto held = milli_held_.find(device.id);
      if (device.in_service && (held == milli_held_.end() || held->second == 0))
        free.insert(device.id);
    }
  return free;
}

namespace {

scheduler::QueuedJob probe(std::size_t number, std::int64_t gpus, WallTime now) {
  scheduler::QueuedJob job;
  job.id = JobId::trusted(fmt::format("job_{:026}", number));
  job.seq = 1'000'000'000 + static_cast<std::int64_t>(number);
  job.priority_class = protocol::PriorityClass::urgent;
  job.resources.gpus = gpus;
  job.queued_at = now;
  job.team = "probe";
  return job;
}

}  // namespace

void Checker::nothing_lost(const controller::Core& core, WallTime now) {
  const std::set<std::string> free = free_devices();
  auto copy = emptied_copy(core);
  for (std::size_t n = 0; n < free.size(); ++n) copy.apply(scheduler::JobQueued{probe(n, 1, now)});
  std::set<std::string> given;
  for (const auto& start : copy.decide(now).starts)
    for (const auto& share : start.placement.shares)
      given.insert(share.device_ids.begin(), share.device_ids.end());
  if (given == free) return;
  std::vector<std::string> missing;
  std::ranges::set_difference(free, given, std::back_inserter(missing));
  fail(missing.empty()
           ? std::string("the scheduler gives GPUs that are not free")
           : fmt::format("a GPU is lost: {} is free, but cannot be given ({} of {} can)",
                         missing.front(), given.size(), free.size()));
}

void Checker::cells_merged(const controller::Core& core, WallTime now) {
  for (const auto& [id, offer] : offers_)
    if (!std::ranges::all_of(offer.devices, &scheduler::Device::in_service)) return;
  std::size_t number = 0;
  for (const std::int64_t size : {8, 4, 2}) {
    auto copy = emptied_copy(core);
    std::size_t wanted = 0;
    std::set<std::vector<std::string>> cells;
    for (const auto& [id, offer] : offers_)
      for (const std::uint64_t cell : offer.cells) {
        std::vector<std::string> devices;
        for (std::size_t i = 0; i < offer.devices.size(); ++i)
          if ((cell >> i & 1U) != 0) devices.push_back(offer.devices[i].id);
        if (static_cast<std::int64_t>(devices.size()) != size) continue;
        std::ranges::sort(devices);
        // A node that lost GPUs may say the same cell twice: as a pair and as the whole, say.
        if (!cells.insert(std::move(devices)).second) continue;
        copy.apply(scheduler::JobQueued{probe(number++, size, now)});
        ++wanted;
      }
    // Cells of one size are disjoint, and there is no other room for as many jobs.
    std::size_t given = 0;
    for (const auto& start : copy.decide(now).starts) {
      auto devices = start.placement.shares.at(0).device_ids;
      std::ranges::sort(devices);
      if (cells.contains(devices)) ++given;
    }
    if (given != wanted)
      fail(
          fmt::format("buddy cells have not merged: {} of {} idle cells of {} GPUs are given whole",
                      given, wanted, size));
  }
}

}  // namespace galley::world
