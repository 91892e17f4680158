#include "queries.h"

#include <fmt/format.h>

#include "job_rows.h"
#include "store/events.h"

namespace galley::controller {
namespace {

using store::Transaction;
using store::Value;

}  // namespace

Result<protocol::JobRecord> find_job(store::Database& database, const JobId& id) {
  protocol::JobRecord job;
  auto status = database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(auto row,
               transaction.query_one(fmt::format("select {} from jobs where id = :1", kJobColumns),
                                     {id.str()}));
    if (!row) return no_such_job(id);
    GALLEY_TRY(job, job_of_row(*row));
    return ok();
  });
  if (!status) return std::move(status).error();
  return job;
}

Result<JobPage> list_jobs(store::Database& database, const JobQuery& query) {
  std::vector<Value> parameters = query.where_parameters;
  std::string sql = fmt::format("select {} from jobs", kJobColumns);
  std::string_view glue = " where ";
  if (!query.where_sql.empty()) {
    sql += fmt::format("{}({})", glue, query.where_sql);
    glue = " and ";
  }
  if (!query.cursor.empty()) {
    GALLEY_TRY_STATUS(JobId::parse(query.cursor));
    parameters.emplace_back(query.cursor);
    sql += fmt::format("{}id < :{}", glue, parameters.size());
  }
  parameters.emplace_back(query.limit + 1);
  sql += fmt::format(" order by id desc limit :{}", parameters.size());

  JobPage page;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(auto rows, transaction.query(sql, parameters));
    for (const store::Row& row : rows) {
      GALLEY_TRY(auto job, job_of_row(row));
      page.jobs.push_back(std::move(job));
    }
    return ok();
  }));
  if (page.jobs.size() > static_cast<std::size_t>(query.limit)) {
    page.jobs.pop_back();
    page.next_cursor = page.jobs.back().id.str();
  }
  return page;
}

Result<std::vector<protocol::AttemptRecord>> list_attempts(store::Database& database,
                                                           const JobId& job) {
  std::vector<protocol::AttemptRecord> attempts;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(
        auto rows,
        transaction.query(fmt::format("select {} from attempts where job_id = :1 order by number",
                                      kAttemptColumns),
                          {job.str()}));
    for (const store::Row& row : rows) {
      auto attempt = attempt_of_row(row);
      GALLEY_TRY(auto devices,
                 transaction.query("select device_id from allocations where attempt_id = :1 and "
                                   "device_id is not null order by device_id",
                                   {attempt.id.str()}));
      for (const store::Row& device : devices) attempt.device_ids.push_back(device.text(0));
      attempts.push_back(std::move(attempt));
    }
    return ok();
  }));
  return attempts;
}

Result<std::vector<protocol::EventRecord>> list_job_events(store::Database& database,
                                                           const JobId& job) {
  constexpr std::int64_t kMostEvents = 1000;
  std::vector<protocol::EventRecord> events;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(auto rows, transaction.query("select seq, at_ms, kind, subject, data from events "
                                            "where subject = :1 order by seq limit :2",
                                            {job.str(), kMostEvents}));
    for (const store::Row& row : rows) {
      GALLEY_TRY(auto data, parse_json(row.text(4)));
      events.push_back(
          {row.integer(0), from_ms(row.integer(1)), row.text(2), row.text(3), std::move(data)});
    }
    return ok();
  }));
  return events;
}

Result<QueueCounts> count_queue(store::Database& database, WallTime now) {
  QueueCounts counts;
  for (const auto state : {"queued", "starting", "running", "cancelling"}) counts.active[state] = 0;
  for (const auto state : {"succeeded", "failed", "cancelled"}) counts.ended_24h[state] = 0;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(auto active,
               transaction.query("select state, count(*) from jobs where state in ('queued', "
                                 "'starting', 'running', 'cancelling') group by state"));
    for (const store::Row& row : active) counts.active[row.text(0)] = row.integer(1);
    const Value day_ago{to_ms(now - std::chrono::hours(24))};
    GALLEY_TRY(auto ended, transaction.query("select state, count(*) from jobs where finished_ms "
                                             "is not null and finished_ms >= :1 group by state",
                                             {day_ago}));
    for (const store::Row& row : ended) counts.ended_24h[row.text(0)] = row.integer(1);
    return ok();
  }));
  return counts;
}

Status add_allocations(store::Database& database, std::vector<protocol::NodeRecord>& nodes) {
  return database.read([&](Transaction& transaction) -> Status {
    for (protocol::NodeRecord& node : nodes) {
      GALLEY_TRY(auto rows,
                 transaction.query("select a.device_id, a.cpus, a.memory_bytes, t.job_id from "
                                   "allocations a join attempts t on t.id = a.attempt_id where "
                                   "a.node_id = :1 and a.active = 1",
                                   {node.id.str()}));
      for (const store::Row& row : rows) {
        node.cpus_allocated += row.integer(1);
        node.memory_allocated_bytes += row.integer(2);
        for (protocol::DeviceRecord& device : node.devices)
          if (!row.is_null(0) && device.id == row.text(0))
            device.job_id = JobId::trusted(row.text(3));
      }
    }
    return ok();
  });
}

Result<std::map<std::string, std::int64_t>> count_team_gpus(Transaction& transaction) {
  GALLEY_TRY(auto rows, transaction.query(
                            "select j.team, sum(a.milli) from allocations a join attempts t on "
                            "t.id = a.attempt_id join jobs j on j.id = t.job_id where a.active = "
                            "1 group by j.team"));
  std::map<std::string, std::int64_t> gpus;
  // Parts of GPUs are counted up: nobody else can have what is less than one.
  for (const store::Row& row : rows) gpus[row.text(0)] = (row.integer(1) + 999) / 1000;
  return gpus;
}

Result<std::string> last_decision(Transaction& transaction, const JobId& job) {
  GALLEY_TRY(auto row, transaction.query_one("select decision from attempts where job_id = :1 "
                                             "order by number desc limit 1",
                                             {job.str()}));
  return row ? row->text(0) : std::string{};
}

}  // namespace galley::controller
