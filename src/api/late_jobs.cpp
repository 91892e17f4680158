#include "late_jobs.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/units.h"
#include "protocol/job_spec.h"

namespace galley::api {
namespace {

constexpr int kMostEstimates = 20;

std::string minutes(Millis time) {
  return format_duration(std::chrono::ceil<std::chrono::minutes>(time));
}

}  // namespace

std::optional<std::string> lateness(const JobInTime& job, WallTime now) {
  const bool runs = job.started_at.has_value();
  if (now > job.deadline)
    return fmt::format("{}: its deadline passed {} ago and it {}", job.name,
                       minutes(now - job.deadline), runs ? "still runs" : "still waits");
  const bool told = runs && job.expected_end;
  if (!told && !job.max_runtime) return std::nullopt;
  const WallTime start = runs ? *job.started_at : std::max(job.expected_start.value_or(now), now);
  const WallTime end = std::max(told ? *job.expected_end : start + *job.max_runtime, now);
  if (end <= job.deadline) return std::nullopt;
  return fmt::format("{}: expected to end at {}, {} after its deadline", job.name, to_rfc3339(end),
                     minutes(end - job.deadline));
}

Result<std::vector<LateJob>> late_jobs(
    store::Database& database, WallTime now,
    const std::function<std::optional<WallTime>(const JobId&)>& expected_start,
    const std::function<std::optional<WallTime>(const JobId&)>& expected_end) {
  std::vector<store::Row> rows;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(rows,
               transaction.query("select id, spec, state, started_ms from jobs where state in "
                                 "('queued', 'starting', 'running', 'cancelling') and spec "
                                 "like :1 order by seq limit 1000",
                                 {R"(%"deadline":"%)"}));
    return ok();
  }));
  std::vector<LateJob> late;
  int estimates = 0;
  for (const auto& row : rows) {
    const auto json = parse_json(row.text(1));
    if (!json) continue;
    // A newer version may have stored more fields.
    const auto spec = protocol::parse_struct<protocol::JobSpec>(*json, protocol::Unknown::ignore);
    if (!spec || !spec->deadline) continue;
    const auto id = JobId::parse(row.text(0));
    if (!id) continue;
    JobInTime job{
        .name = spec->name, .deadline = *spec->deadline, .max_runtime = spec->max_runtime};
    // One that waits again has been started before.
    const bool runs = row.text(2) == "running" || row.text(2) == "cancelling";
    if (runs && !row.is_null(3)) job.started_at = from_ms(row.integer(3));
    if (runs && expected_end) job.expected_end = expected_end(*id);
    if (!runs && job.max_runtime && estimates < kMostEstimates) {
      ++estimates;
      job.expected_start = expected_start(*id);
    }
    if (auto why = lateness(job, now)) late.push_back({*id, *std::move(why)});
  }
  return late;
}

}  // namespace galley::api
