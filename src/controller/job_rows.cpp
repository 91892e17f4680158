#include "job_rows.h"

namespace galley::controller {
namespace {

std::optional<std::int64_t> number_of(const store::Row& row, std::size_t column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}

}  // namespace

std::optional<WallTime> time_of(const store::Row& row, std::size_t column) {
  if (row.is_null(column)) return std::nullopt;
  return from_ms(row.integer(column));
}

Result<protocol::JobRecord> job_of_row(const store::Row& row) {
  const auto corrupt = [&](std::string_view what) {
    return Error{Errc::corrupt,
                 "the stored record of " + row.text(0) + " has a broken " + std::string(what)};
  };
  protocol::JobRecord job;
  job.id = JobId::trusted(row.text(0));
  job.seq = row.integer(1);
  job.name = row.text(2);
  job.team = row.text(3);
  const auto priority_class = protocol::from_word<protocol::PriorityClass>(row.text(4));
  const auto state = protocol::from_word<protocol::JobState>(row.text(5));
  if (!priority_class || !state) return corrupt("state");
  job.priority_class = *priority_class;
  job.state = *state;
  job.reason = row.text(6);
  auto json = parse_json(row.text(7));
  if (!json) return corrupt("spec");
  // A newer version may have stored more fields; they are not ours to refuse.
  auto spec = protocol::parse_struct<protocol::JobSpec>(*json, protocol::Unknown::ignore);
  if (!spec) return corrupt("spec");
  job.spec = *std::move(spec);
  job.principal = row.text(8);
  job.run_id = RunId::trusted(row.text(9));
  job.attempts = row.integer(10);
  job.exit_code = number_of(row, 11);
  job.created_at = from_ms(row.integer(12));
  job.started_at = time_of(row, 13);
  job.finished_at = time_of(row, 14);
  return job;
}

protocol::AttemptRecord attempt_of_row(const store::Row& row) {
  protocol::AttemptRecord attempt;
  attempt.id = AttemptId::trusted(row.text(0));
  attempt.job_id = JobId::trusted(row.text(1));
  attempt.number = row.integer(2);
  attempt.node_id = NodeId::trusted(row.text(3));
  attempt.state = protocol::from_word<protocol::AttemptState>(row.text(4))
                      .value_or(protocol::AttemptState::lost);
  attempt.reason = row.text(5);
  attempt.exit_code = number_of(row, 6);
  attempt.signal = number_of(row, 7);
  attempt.log_bytes = row.integer(8);
  attempt.created_at = from_ms(row.integer(9));
  attempt.started_at = time_of(row, 10);
  attempt.finished_at = time_of(row, 11);
  return attempt;
}

Error no_such_job(const JobId& job) {
  return Error{Errc::not_found, "there is no job " + job.str(), {}, {}, "`galley jobs` lists them"};
}

}  // namespace galley::controller
