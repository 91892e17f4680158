#include "holders.h"

namespace galley::telemetry {

Result<Holders> read_holders(store::Transaction& transaction) {
  GALLEY_TRY(const auto rows,
             transaction.query("select a.device_id, a.milli, j.id, j.team, j.principal"
                               " from allocations a join attempts t on t.id = a.attempt_id"
                               " join jobs j on j.id = t.job_id"
                               " where a.active = 1 and a.device_id is not null"));
  Holders holders;
  for (const store::Row& row : rows)
    holders[row.text(0)].push_back(
        {row.text(2), row.text(3), row.text(4), static_cast<double>(row.integer(1)) / 1e3});
  return holders;
}

Result<std::map<std::string, Waiting>> read_waiting(store::Transaction& transaction) {
  GALLEY_TRY(const auto rows, transaction.query("select team, count(*), min(created_ms) from jobs"
                                                " where state = 'queued' group by team"));
  std::map<std::string, Waiting> waiting;
  for (const store::Row& row : rows) waiting[row.text(0)] = {row.integer(1), row.integer(2)};
  return waiting;
}

Result<std::vector<double>> read_waits(store::Transaction& transaction, std::int64_t after_ms,
                                       std::int64_t until_ms) {
  // Two questions, because each has its index: what runs, and what has ended since.
  GALLEY_TRY(auto rows, transaction.query(
                            "select started_ms - created_ms from jobs where state in"
                            " ('running', 'cancelling') and started_ms > :1 and started_ms <= :2",
                            {after_ms, until_ms}));
  GALLEY_TRY(auto ended, transaction.query("select started_ms - created_ms from jobs"
                                           " where finished_ms > :1 and started_ms > :2"
                                           " and started_ms <= :3",
                                           {after_ms, after_ms, until_ms}));
  std::vector<double> waits;
  for (const auto* part : {&rows, &ended})
    for (const store::Row& row : *part) waits.push_back(static_cast<double>(row.integer(0)) / 1e3);
  return waits;
}

Result<std::map<std::string, std::string>> read_node_names(store::Transaction& transaction) {
  GALLEY_TRY(const auto rows, transaction.query("select id, name from nodes"));
  std::map<std::string, std::string> names;
  for (const store::Row& row : rows) names[row.text(0)] = row.text(1);
  return names;
}

}  // namespace galley::telemetry
