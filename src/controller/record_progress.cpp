#include <fmt/format.h>

#include "active_attempt.h"
#include "commands.h"
#include "tracking/tracking.h"

namespace galley::controller {

using store::Transaction;

namespace {

/// Each member of a gang has an offset of its own; that of rank 0 lies in the attempt's row.
/// Errors: conflict when another one is stored.
Status move_offset(Transaction& transaction, const protocol::ProgressReport& report) {
  GALLEY_TRY(const auto attempt, read_active_attempt(transaction, report.attempt_id));
  std::int64_t stored = attempt.progress_offset;
  if (report.rank != 0) {
    GALLEY_TRY(const auto row,
               transaction.query_one("select progress_offset from attempt_members where attempt_id "
                                     "= :1 and member_rank = :2",
                                     {report.attempt_id.str(), report.rank}));
    if (!row)
      return Error{Errc::not_found, fmt::format("attempt {} has no member {}",
                                                report.attempt_id.str(), report.rank)};
    stored = row->integer(0);
  }
  if (stored != report.from_offset)
    return Error{Errc::conflict, fmt::format("progress of {} is stored up to byte {}, not {}",
                                             report.attempt_id.str(), stored, report.from_offset)};
  if (report.rank == 0) {
    GALLEY_TRY_STATUS(transaction.execute("update attempts set progress_offset = :2 where id = :1",
                                          {report.attempt_id.str(), report.to_offset}));
  } else {
    GALLEY_TRY_STATUS(
        transaction.execute("update attempt_members set progress_offset = :3 where attempt_id = :1 "
                            "and member_rank = :2",
                            {report.attempt_id.str(), report.rank, report.to_offset}));
  }
  return ok();
}

}  // namespace

Status record_progress(Transaction& transaction, const RecordProgress& command) {
  const protocol::ProgressReport& report = command.report;
  GALLEY_TRY_STATUS(move_offset(transaction, report));
  std::vector<tracking::MetricPoint> points;
  points.reserve(report.points.size());
  for (const auto& point : report.points)
    points.push_back({point.key, point.step, point.value, to_ms(point.at)});
  if (!points.empty())
    GALLEY_TRY_STATUS(tracking::append_points(transaction, report.run_id, points));
  for (const RegisteredFile& file : command.files) {
    GALLEY_TRY(auto kind, tracking::parse_artifact_kind(file.kind));
    GALLEY_TRY_STATUS(tracking::add_artifact(
        transaction, report.run_id,
        {file.path, kind, file.manifest_sha256, file.size_bytes, command.at, file.step}));
  }
  for (const auto& [key, value] : report.texts)
    GALLEY_TRY_STATUS(
        transaction.execute("insert into run_tags (run_id, tag_key, value) values (:1, :2, :3) "
                            "on conflict (run_id, tag_key) do update set value = excluded.value",
                            {report.run_id.str(), key, value.substr(0, tracking::kMaxValueBytes)}));
  return ok();
}

}  // namespace galley::controller
