// What happens every few seconds: counts, usage, and moving rows into the database.
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "chunk_rows.h"
#include "telemetry_impl.h"

namespace galley::telemetry {
namespace {

constexpr std::size_t kNodesOfACommit = 64;
constexpr std::int64_t kWaitingEveryMs = 15'000;  // counting a long queue takes a while
constexpr std::int64_t kUsageEveryMs = 45'000;
constexpr std::int64_t kRollUpEveryMs = 5 * kMinuteMs;
constexpr std::int64_t kPruneEveryMs = 10 * kMinuteMs;
// Rows of the last hour may still be on their way when the next one begins.
constexpr std::int64_t kRollUpAfterMs = 2 * kMinuteMs;
constexpr std::int64_t kForgetAfterMs = 10 * kMinuteMs;
/// A period that took longer than this was a pause of this process: nobody knows what GPUs did.
constexpr double kLongestPeriodS = 30;
/// Teams and users with GPUs or waiting jobs whose series are kept.
constexpr std::size_t kMostOwners = 400;

void add_waits(WaitCounts& counts, const std::vector<double>& waits) {
  for (const double wait : waits) {
    const auto bucket = std::ranges::lower_bound(WaitCounts::kBoundsSeconds, wait);
    ++counts.counts[static_cast<std::size_t>(bucket - WaitCounts::kBoundsSeconds.begin())];
    counts.sum_s += wait;
  }
}

void put_owners(Window& window, Kind kind, const std::map<std::string, FleetCounts>& owners) {
  std::size_t count = 0;
  for (const auto& [name, counts] : owners)
    if (count++ < kMostOwners) window.put(kind, name, values_of(kind, counts));
}

}  // namespace

void Telemetry::Impl::serve() {
  std::unique_lock lock(stop_mutex);
  while (!stop_changed.wait_for(lock, options.period, [&] { return stopping; })) {
    lock.unlock();
    (void)work();
    lock.lock();
  }
}

void Telemetry::Impl::log_failure(std::string_view what, const Status& status) {
  if (!status && !failing)  // once, and not every five seconds
    log::warn("telemetry", std::string(what) + " could not be stored; tried again",
              {{"reason", describe(status.error())}});
  failing = !status;
}

Status Telemetry::Impl::work() {
  const std::lock_guard lock(work_mutex);
  const std::int64_t now = now_ms();
  look_for_alarms(now);
  Status status = count(now);
  if (status) status = store_due(now, false);
  if (status && now - booked_ms >= kUsageEveryMs) status = store_usage(now);
  if (status && now - rolled_ms >= kRollUpEveryMs) status = roll_up_due(now);
  forget_silent(now);
  renew_text(now);
  log_failure("what machines did", status);
  if (listener) listener(from_ms(now));
  return status;
}

Status Telemetry::Impl::count(std::int64_t now) {
  Holders held;
  std::vector<double> waits;
  auto next_waiting = waiting;
  const bool ask_waiting = now - waiting_ms >= kWaitingEveryMs;
  const std::int64_t before = counted_ms;
  bool fresh_book = false;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(held, read_holders(transaction));
    if (ask_waiting) {
      GALLEY_TRY(next_waiting, read_waiting(transaction));
    }
    if (before != 0) {
      GALLEY_TRY(waits, read_waits(transaction, before, now));
    }
    if (!book_loaded) {
      GALLEY_TRY_STATUS(book.load(transaction, now));
      fresh_book = true;
    }
    return ok();
  }));
  book_loaded = book_loaded || fresh_book;
  if (ask_waiting) waiting_ms = now;
  waiting = std::move(next_waiting);
  const double passed_s =
      before == 0 ? 0 : std::clamp(static_cast<double>(now - before) / 1e3, 0.0, kLongestPeriodS);
  counted_ms = now;

  Standing next;
  next.at_ms = now;
  for (const auto& [team, wait] : waiting) {
    FleetCounts& counts = next.teams[team];
    counts.queued_jobs = static_cast<double>(wait.jobs);
    counts.oldest_queued_s = static_cast<double>(now - wait.oldest_ms) / 1e3;
    next.fleet.queued_jobs += counts.queued_jobs;
    next.fleet.oldest_queued_s = std::max(next.fleet.oldest_queued_s, counts.oldest_queued_s);
  }
  for (const auto& [uuid, holders_of_gpu] : held)
    for (const Holder& holder : holders_of_gpu) {
      next.teams[holder.team].gpus_allocated += holder.share;
      next.users[holder.user].gpus_allocated += holder.share;
      next.fleet.gpus_allocated += holder.share;
    }
  for (const auto& [id, entry] : all()) {
    if (id.empty()) continue;
    const std::lock_guard lock(entry->mutex);
    if (now - entry->sample_ms <= kFreshMs) count_node_locked(*entry, now, passed_s, held, next);
  }
  add_fleet_row(now, next);
  const std::lock_guard lock(standing_mutex);
  next.waits = standing.waits;
  add_waits(next.waits, waits);
  standing = std::move(next);
  holders = std::move(held);
  return ok();
}

void Telemetry::Impl::count_node_locked(const Entry& entry, std::int64_t now, double passed_s,
                                        const Holders& held, Standing& next) {
  ++next.fleet.nodes_reporting;
  for (const Entry::Gpu& gpu : entry.gpus) {
    ++next.fleet.gpus;
    const float used = entry.window.newest(kGpuUtilization, gpu.uuid);
    const float power = entry.window.newest(kGpuPower, gpu.uuid);
    if (!std::isnan(used)) next.fleet.utilization_sum += static_cast<double>(used);
    if (!std::isnan(power)) next.fleet.power_watts += static_cast<double>(power);
    const auto holder = held.find(gpu.uuid);
    if (holder == held.end() || std::isnan(used)) continue;
    const bool idle = is_idle_locked(entry, gpu.uuid, now);
    const float minute = entry.window.mean_since(kGpuUtilization, gpu.uuid, now - kMinuteMs);
    for (const Holder& one : holder->second) {
      if (idle) {
        next.fleet.gpus_idle += one.share;
        next.teams[one.team].gpus_idle += one.share;
        next.users[one.user].gpus_idle += one.share;
      }
      if (passed_s > 0)
        book.add(now, one,
                 {.gpu_s = passed_s * one.share,
                  .utilization_ratio = static_cast<double>(used),
                  .idle = static_cast<double>(minute) < kIdleBelowRatio});
    }
  }
}

void Telemetry::Impl::add_fleet_row(std::int64_t now, const Standing& next) {
  const auto fleet = find("");
  const std::lock_guard lock(fleet->mutex);
  fleet->window.begin(now);
  fleet->window.put(Kind::fleet, "", values_of(Kind::fleet, next.fleet));
  put_owners(fleet->window, Kind::team, next.teams);
  put_owners(fleet->window, Kind::user, next.users);
}

Status Telemetry::Impl::store_due(std::int64_t now, bool everything) {
  auto due = all();
  std::erase_if(due, [&](const auto& one) {
    const std::lock_guard lock(one.second->mutex);
    const std::int64_t first = one.second->window.first_after(one.second->stored_ms);
    return first < 0 || (!everything && now - first < options.flush_after.count());
  });
  for (std::size_t begin = 0; begin < due.size(); begin += kNodesOfACommit) {
    const auto end = std::min(due.size(), begin + kNodesOfACommit);
    std::vector<ChunkRow> rows;
    for (std::size_t i = begin; i < end; ++i) {
      tracking::TableChunk table;
      {
        const std::lock_guard lock(due[i].second->mutex);
        table = due[i].second->window.after(due[i].second->stored_ms);
      }
      rows.push_back(
          {due[i].first, 0, table.at_ms.front(), table.at_ms.back(), encode_table(table)});
    }
    GALLEY_TRY_STATUS(database.write([&rows](store::Transaction& transaction) -> Status {
      for (const ChunkRow& row : rows) GALLEY_TRY_STATUS(put_chunk(transaction, row));
      return ok();
    }));
    for (std::size_t i = begin; i < end; ++i) {
      const std::lock_guard lock(due[i].second->mutex);
      due[i].second->stored_ms = rows[i - begin].last_ms;
    }
  }
  return ok();
}

Status Telemetry::Impl::store_usage(std::int64_t now) {
  const auto changes = book.changes();
  if (!changes.empty()) {
    GALLEY_TRY_STATUS(database.write(
        [&](store::Transaction& transaction) { return put_usage(transaction, changes); }));
    book.stored(changes, now);
  }
  booked_ms = now;
  return ok();
}

Status Telemetry::Impl::roll_up_due(std::int64_t now) {
  for (int level = 0; level + 1 < static_cast<int>(kLevels.size()); ++level) {
    std::vector<Due> due;
    const std::int64_t until = now - kRollUpAfterMs;
    GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(due, find_due(transaction, level, until));
      return ok();
    }));
    for (const Due& one : due)  // one machine a commit: jobs that are submitted need not wait
      GALLEY_TRY_STATUS(database.write([&](store::Transaction& transaction) {
        return roll_up(transaction, one, level, until);
      }));
  }
  rolled_ms = now;
  if (now - pruned_ms < kPruneEveryMs) return ok();
  GALLEY_TRY_STATUS(database.write([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(prune(transaction, now - kRollUpAfterMs));
    return prune_usage(transaction, now);
  }));
  pruned_ms = now;
  return ok();
}

void Telemetry::Impl::forget_silent(std::int64_t now) {
  const std::unique_lock lock(entries_mutex);
  std::erase_if(entries, [&](const auto& one) {
    if (one.first.empty()) return false;
    const std::lock_guard entry_lock(one.second->mutex);
    return now - one.second->sample_ms > kForgetAfterMs;
  });
}

}  // namespace galley::telemetry
