#include "controller/availability.h"

#include <algorithm>
#include <map>

#include "store/schema.h"

namespace galley::controller {
namespace {

using store::Transaction;

constexpr Millis kDay{86'400'000};
// A standby asks every second; one that has said nothing for so long watches no more.
constexpr Millis kWatchedFor{3'000};

std::string day_of(WallTime time) { return to_rfc3339(time).substr(0, 10); }

WallTime midnight_after(WallTime time) {
  return WallTime{(time.time_since_epoch() / kDay + 1) * kDay};
}

/// "2026-01" -> "2025-12".
std::string month_before(const std::string& month) {
  int year = std::stoi(month.substr(0, 4));
  int number = std::stoi(month.substr(5)) - 1;
  if (number == 0) {
    number = 12;
    --year;
  }
  const std::string digits = std::to_string(number);
  return std::to_string(year) + (number < 10 ? "-0" : "-") + digits;
}

void add(ServicePeriod& sum, const ServicePeriod& part) {
  sum.down_ms += part.down_ms;
  sum.longest_ms = std::max(sum.longest_ms, part.longest_ms);
  sum.probes += part.probes;
}

Status store_day(Transaction& transaction, const ServicePeriod& day) {
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into availability (day, down_ms, longest_ms, probes) values (:1, :2, :3, :4)"
      " on conflict (day) do update set down_ms = availability.down_ms + excluded.down_ms,"
      " longest_ms = case when excluded.longest_ms > availability.longest_ms"
      " then excluded.longest_ms else availability.longest_ms end,"
      " probes = availability.probes + excluded.probes",
      {day.name, day.down_ms, day.longest_ms, day.probes}));
  return ok();
}

Result<std::optional<ServiceState>> read_state(Transaction& transaction) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select accepted_ms, watcher, watched_ms from availability_now"
                                   " where name = 'service'"));
  if (!row) return std::optional<ServiceState>();
  return std::optional<ServiceState>(
      {from_ms(row->integer(0)), row->text(1), from_ms(row->integer(2))});
}

Status store_state(Transaction& transaction, const ServiceState& state) {
  GALLEY_TRY_STATUS(
      transaction.execute("insert into availability_now (name, accepted_ms, watcher, watched_ms)"
                          " values ('service', :1, :2, :3) on conflict (name) do update set"
                          " accepted_ms = excluded.accepted_ms, watcher = excluded.watcher,"
                          " watched_ms = excluded.watched_ms",
                          {to_ms(state.accepted), state.watcher, to_ms(state.watched)}));
  return ok();
}

Status record(Transaction& transaction, const Finding& finding, WallTime now) {
  GALLEY_TRY(const auto known, read_state(transaction));
  ServiceState state = known.value_or(ServiceState{.accepted = now, .watcher = {}, .watched = {}});
  if (!is_heard(state, finding, now)) return ok();
  if (finding.from_outside) {
    state.watcher = finding.by;
    state.watched = now;
  }
  if (finding.accepted) {
    if (const auto outage = outage_before(state, finding, now))
      for (const ServicePeriod& part : days_of(*outage))
        GALLEY_TRY_STATUS(store_day(transaction, part));
    state.accepted = now;
    GALLEY_TRY_STATUS(store_day(transaction, {.name = day_of(now), .probes = 1}));
  }
  return store_state(transaction, state);
}

}  // namespace

bool is_heard(const ServiceState& state, const Finding& finding, WallTime now) {
  if (finding.from_outside) return true;
  const bool is_watched = !state.watcher.empty() && state.watcher != finding.by &&
                          now - state.watched < kWatchedFor && now >= state.watched;
  return !is_watched;
}

std::optional<Outage> outage_before(const ServiceState& state, const Finding& finding,
                                    WallTime now) {
  if (!finding.accepted || now <= state.accepted) return std::nullopt;
  // Another may have found it accepting while we were refused: then it was we who were cut off.
  const bool was_refused = finding.refused_for && state.accepted <= now - *finding.refused_for;
  const bool was_silent = now - state.accepted > finding.silence;
  if (!was_refused && !was_silent) return std::nullopt;
  return Outage{state.accepted, now};
}

std::vector<ServicePeriod> days_of(const Outage& outage) {
  std::vector<ServicePeriod> days;
  for (WallTime from = outage.from; from < outage.to;) {
    const WallTime to = std::min(midnight_after(from), outage.to);
    const std::int64_t length = (to - from).count();
    days.push_back({.name = day_of(from), .down_ms = length, .longest_ms = length});
    from = to;
  }
  return days;
}

std::vector<ServicePeriod> months_of(std::span<const ServicePeriod> days, WallTime now, int count) {
  std::map<std::string, ServicePeriod> sums;
  for (const ServicePeriod& day : days) add(sums[day.name.substr(0, 7)], day);
  std::vector<ServicePeriod> months;
  std::string name = day_of(now).substr(0, 7);
  for (int i = 0; i < count; ++i, name = month_before(name)) {
    ServicePeriod month = sums[name];
    month.name = name;
    months.push_back(std::move(month));
  }
  return months;
}

Status record_finding(store::Database& database, const Finding& finding) {
  return database.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const std::int64_t now, store::now_ms(transaction, database.kind()));
    return record(transaction, finding, from_ms(now));
  });
}

Result<Availability> read_availability(store::Database& database) {
  Availability found;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    found = {};
    GALLEY_TRY(const std::int64_t now, store::now_ms(transaction, database.kind()));
    GALLEY_TRY(const auto rows,
               transaction.query("select day, down_ms, longest_ms, probes from availability"
                                 " order by day"));
    std::vector<ServicePeriod> days;
    for (const store::Row& row : rows)
      days.push_back({row.text(0), row.integer(1), row.integer(2), row.integer(3)});
    if (!days.empty()) found.since = days.front().name;
    for (const ServicePeriod& day : days) {
      found.down_ms += day.down_ms;
      found.probes += day.probes;
    }
    found.months = months_of(days, from_ms(now), kBudgetMonths);
    for (const ServicePeriod& month : found.months) found.down_ms_budgeted += month.down_ms;
    return ok();
  }));
  return found;
}

}  // namespace galley::controller
