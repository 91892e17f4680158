#include "usage_book.h"

#include <algorithm>

#include "rollup.h"

namespace galley::telemetry {
namespace {

constexpr double kSecondsOfHour = 3600;
constexpr double kMsOfHour = 3.6e6;
// Purchases are argued with the last year; a row is a hundred bytes.
constexpr std::int64_t kKeepMs = 400 * kDayMs;

std::int64_t hour_of(std::int64_t at_ms) { return at_ms - at_ms % kHourMs; }

/// Columns of the tables as `by` wants them; `jobs j` and `gpu_usage u` are in the queries.
struct Columns {
  std::string_view of_jobs;
  std::string_view of_usage;
};
Columns columns_of(GroupBy by) {
  switch (by) {
    case GroupBy::team:
      return {"j.team", "u.team"};
    case GroupBy::user:
      return {"j.principal", "u.principal"};
    case GroupBy::job:
      return {"j.id", "u.job_id"};
  }
  return {};
}

Status add_allocated(store::Transaction& transaction, const UsageReport& report, WallTime now,
                     std::map<std::string, Usage>& rows) {
  const std::string name(columns_of(report.by).of_jobs);
  // An attempt within the window belongs to a job that is active or ended after its begin: each
  // half has its index.
  const std::string query =
      "select " + name +
      ", max(j.name), cast(sum(a.milli * ((case when"
      " coalesce(t.finished_ms, :1) < :2 then coalesce(t.finished_ms, :1) else :2 end)"
      " - (case when t.created_ms > :3 then t.created_ms else :3 end))) as double precision)"
      " from jobs j join attempts t on t.job_id = j.id join allocations a on a.attempt_id = t.id"
      " where a.device_id is not null and t.created_ms < :2"
      " and coalesce(t.finished_ms, :1) > :3 and ";
  const std::vector<store::Value> bounds{to_ms(now), to_ms(report.to), to_ms(report.from)};
  for (const char* half :
       {"j.state in ('queued', 'starting', 'running', 'cancelling')", "j.finished_ms > :3"}) {
    GALLEY_TRY(const auto found, transaction.query(query + half + " group by " + name, bounds));
    for (const store::Row& row : found) {
      Usage& usage = rows[row.text(0)];
      usage.title = row.text(1);
      usage.allocated_gpu_h += row.real(2) / 1e3 / kMsOfHour;
    }
  }
  return ok();
}

Status add_measured(store::Transaction& transaction, const UsageReport& report,
                    std::map<std::string, Usage>& rows) {
  const std::string name(columns_of(report.by).of_usage);
  GALLEY_TRY(const auto found,
             transaction.query("select " + name +
                                   ", sum(u.measured_s), sum(u.used_s), sum(u.idle_s)"
                                   " from gpu_usage u where u.hour_ms >= :1 and u.hour_ms < :2"
                                   " group by " +
                                   name,
                               {hour_of(to_ms(report.from)), to_ms(report.to)}));
  for (const store::Row& row : found) {
    Usage& usage = rows[row.text(0)];
    usage.measured_gpu_h = row.real(1) / kSecondsOfHour;
    usage.used_gpu_h = row.real(2) / kSecondsOfHour;
    usage.idle_gpu_h = row.real(3) / kSecondsOfHour;
  }
  return ok();
}

void finish(Usage& usage) {
  usage.utilization_ratio = usage.measured_gpu_h > 0 ? usage.used_gpu_h / usage.measured_gpu_h : 0;
}

}  // namespace

Result<GroupBy> parse_group_by(std::string_view word) {
  if (word == "team") return GroupBy::team;
  if (word == "user") return GroupBy::user;
  if (word == "job") return GroupBy::job;
  return Error{Errc::invalid_argument, "found '" + std::string(word.substr(0, 40)) + "'", "by",
               "team, user or job"};
}

Status UsageBook::load(store::Transaction& transaction, std::int64_t now_ms) {
  GALLEY_TRY(const auto rows,
             transaction.query("select hour_ms, job_id, team, principal, measured_s, used_s, idle_s"
                               " from gpu_usage where hour_ms = :1",
                               {hour_of(now_ms)}));
  entries_.clear();
  stored_s_.clear();
  for (const store::Row& row : rows) {
    const Key key{row.integer(0), row.text(1)};
    entries_[key] = {row.text(2), row.text(3), row.real(4), row.real(5), row.real(6)};
    stored_s_[key] = row.real(4);
  }
  return ok();
}

void UsageBook::add(std::int64_t now_ms, const Holder& holder, const Use& use) {
  Entry& entry = entries_[{hour_of(now_ms), holder.job}];
  entry.team = holder.team;
  entry.user = holder.user;
  entry.measured_s += use.gpu_s;
  entry.used_s += use.gpu_s * use.utilization_ratio;
  if (use.idle) entry.idle_s += use.gpu_s;
}

UsageBook::Changes UsageBook::changes() const {
  Changes changed;
  for (const auto& [key, entry] : entries_) {
    const auto known = stored_s_.find(key);
    if (known == stored_s_.end() || known->second < entry.measured_s) changed.emplace(key, entry);
  }
  return changed;
}

void UsageBook::stored(const Changes& changes, std::int64_t now_ms) {
  for (const auto& [key, entry] : changes) stored_s_[key] = entry.measured_s;
  const std::int64_t hour = hour_of(now_ms);
  std::erase_if(entries_, [&](const auto& entry) {
    const auto known = stored_s_.find(entry.first);
    return entry.first.first < hour && known != stored_s_.end() &&
           known->second >= entry.second.measured_s;
  });
  std::erase_if(stored_s_, [&](const auto& entry) { return !entries_.contains(entry.first); });
}

Status put_usage(store::Transaction& transaction, const UsageBook::Changes& changes) {
  for (const auto& [key, entry] : changes)
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into gpu_usage (hour_ms, job_id, team, principal, measured_s, used_s, idle_s)"
        " values (:1, :2, :3, :4, :5, :6, :7) on conflict (hour_ms, job_id) do update set"
        " measured_s = excluded.measured_s, used_s = excluded.used_s, idle_s = excluded.idle_s",
        {key.first, key.second, entry.team, entry.user, entry.measured_s, entry.used_s,
         entry.idle_s}));
  return ok();
}

Status prune_usage(store::Transaction& transaction, std::int64_t now_ms) {
  GALLEY_TRY_STATUS(
      transaction.execute("delete from gpu_usage where hour_ms < :1", {now_ms - kKeepMs}));
  return ok();
}

Result<UsageReport> read_usage(store::Transaction& transaction, WallTime from, WallTime to,
                               WallTime now, GroupBy by) {
  UsageReport report{.from = from, .to = to, .by = by};
  std::map<std::string, Usage> rows;
  GALLEY_TRY_STATUS(add_allocated(transaction, report, now, rows));
  GALLEY_TRY_STATUS(add_measured(transaction, report, rows));
  for (auto& [name, usage] : rows) {
    usage.name = name;
    if (by != GroupBy::job) usage.title.clear();
    finish(usage);
    report.total.allocated_gpu_h += usage.allocated_gpu_h;
    report.total.measured_gpu_h += usage.measured_gpu_h;
    report.total.used_gpu_h += usage.used_gpu_h;
    report.total.idle_gpu_h += usage.idle_gpu_h;
    report.rows.push_back(std::move(usage));
  }
  finish(report.total);
  report.total.name = "total";
  std::ranges::sort(report.rows, [](const Usage& a, const Usage& b) {
    if (a.idle_gpu_h != b.idle_gpu_h) return a.idle_gpu_h > b.idle_gpu_h;
    return a.allocated_gpu_h != b.allocated_gpu_h ? a.allocated_gpu_h > b.allocated_gpu_h
                                                  : a.name < b.name;
  });
  report.shortened = report.rows.size() > kMostUsageRows;
  if (report.shortened) report.rows.resize(kMostUsageRows);
  return report;
}

}  // namespace galley::telemetry
