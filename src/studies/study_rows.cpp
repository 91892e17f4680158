#include "study_rows.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace galley::studies {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

constexpr std::array<std::string_view, 4> kStates{"running", "stopping", "finished", "stopped"};
constexpr std::string_view kColumns =
    "id, name, team, principal, state, reason, file, has_job, created_ms, ended_ms, summary";

std::string text_of_summary(const StudySummary& summary) {
  Json text{{"trials", summary.trials}, {"live", summary.live},
            {"stop", summary.stop},     {"dead", summary.dead},
            {"ended", summary.ended},   {"gpu_seconds", summary.gpu_seconds}};
  if (summary.best) {
    text["best"] = *summary.best;
    text["values"] = summary.best_values;
  }
  return dump_json(text);
}

std::optional<StudySummary> summary_of_text(const std::string& text) {
  const auto json = text.empty() ? Json() : parse_json(text).value_or(Json());
  if (!json.is_object()) return std::nullopt;
  const auto count = [&](const char* key) { return json.value(key, std::int64_t{0}); };
  StudySummary summary{.trials = count("trials"),
                       .live = count("live"),
                       .stop = count("stop"),
                       .dead = count("dead"),
                       .ended = count("ended"),
                       .gpu_seconds = json.value("gpu_seconds", 0.0)};
  if (!json.contains("best")) return summary;
  summary.best = count("best");
  for (const Json& value : json.value("values", Json::array()))
    summary.best_values.push_back(value.is_number() ? value.get<double>() : std::nan(""));
  return summary;
}

Result<StudyRecord> record_of(const Row& row) {
  StudyRecord study{.id = StudyId::trusted(row.text(0)),
                    .name = row.text(1),
                    .team = row.text(2),
                    .principal = row.text(3),
                    .reason = row.text(5),
                    .has_job = row.integer(7) != 0,
                    .created = from_ms(row.integer(8))};
  for (std::size_t i = 0; i < kStates.size(); ++i)
    if (kStates[i] == row.text(4)) study.state = static_cast<StudyState>(i);
  GALLEY_TRY(study.file, parse_json(row.text(6)));
  if (!row.is_null(9)) study.ended = from_ms(row.integer(9));
  study.summary = summary_of_text(row.text(10));
  return study;
}

Result<std::vector<StudyRecord>> records_of(const std::vector<Row>& rows) {
  std::vector<StudyRecord> studies;
  for (const Row& row : rows) {
    GALLEY_TRY(auto study, record_of(row));
    studies.push_back(std::move(study));
  }
  return studies;
}

}  // namespace

std::string_view to_string(StudyState state) { return kStates[static_cast<std::size_t>(state)]; }

Status insert_study(Transaction& transaction, const StudyRecord& study) {
  return transaction.enqueue(
      fmt::format("insert into studies ({}) values (:1, :2, :3, :4, :5, :6, :7, :8, :9, null, '')",
                  kColumns),
      {study.id.str(), study.name, study.team, study.principal, std::string(to_string(study.state)),
       study.reason, dump_json(study.file), std::int64_t{study.has_job ? 1 : 0},
       to_ms(study.created)});
}

Status append_journal(Transaction& transaction, const StudyId& study, std::int64_t seq,
                      const std::string& lines, std::int64_t trials) {
  GALLEY_TRY_STATUS(
      transaction.enqueue("insert into study_journal (study_id, seq, lines) values (:1, :2, :3)",
                          {study.str(), seq, lines}));
  return transaction.enqueue("update studies set trials = :2 where id = :1", {study.str(), trials});
}

Status save_state(Transaction& transaction, const StudyRecord& study) {
  return transaction.enqueue(
      "update studies set state = :2, reason = :3, ended_ms = :4, summary = :5 where id = :1",
      {study.id.str(), std::string(to_string(study.state)), study.reason,
       study.ended ? Value(to_ms(*study.ended)) : Value(nullptr),
       study.summary ? text_of_summary(*study.summary) : std::string()});
}

Status save_job(Transaction& transaction, const StudyId& study, std::int64_t trial,
                std::int64_t attempt, const std::string& job_id) {
  return transaction.enqueue(
      "insert into study_jobs (study_id, trial, attempt, job_id) values (:1, :2, :3, :4)"
      " on conflict (study_id, trial, attempt) do update set job_id = excluded.job_id",
      {study.str(), trial, attempt, job_id});
}

Result<StudyRecord> read_study(Transaction& transaction, std::string_view name) {
  GALLEY_TRY(const auto row,
             transaction.query_one(fmt::format("select {} from studies where id = :1 or name = :1"
                                               " order by id = :1 desc, id desc limit 1",
                                               kColumns),
                                   {std::string(name)}));
  if (!row)
    return Error{Errc::not_found,
                 fmt::format("there is no study '{}'", name.substr(0, 128)),
                 {},
                 {},
                 "`galley studies` lists them"};
  return record_of(*row);
}

Result<Studies::Page> read_studies(Transaction& transaction, std::int64_t limit,
                                   std::string_view cursor) {
  GALLEY_TRY(const auto rows,
             transaction.query(fmt::format("select {} from studies where (:1 = '' or id < :1)"
                                           " order by id desc limit :2",
                                           kColumns),
                               {std::string(cursor), limit + 1}));
  Studies::Page page;
  GALLEY_TRY(page.studies, records_of(rows));
  if (static_cast<std::int64_t>(page.studies.size()) > limit) {
    page.studies.pop_back();
    page.next_cursor = page.studies.back().id.str();
  }
  return page;
}

Result<std::vector<StudyRecord>> read_running(Transaction& transaction) {
  GALLEY_TRY(const auto rows,
             transaction.query(fmt::format("select {} from studies"
                                           " where state in ('running', 'stopping') order by id",
                                           kColumns)));
  return records_of(rows);
}

Result<std::vector<StudyId>> read_with_jobs(Transaction& transaction, WallTime since) {
  GALLEY_TRY(const auto rows,
             transaction.query("select id from studies where has_job = 1"
                               " and (ended_ms is null or ended_ms >= :1) order by id",
                               {to_ms(since)}));
  std::vector<StudyId> ids;
  for (const Row& row : rows) ids.push_back(StudyId::trusted(row.text(0)));
  return ids;
}

Result<Journal> read_journal(Transaction& transaction, const StudyId& study) {
  return read_journal_from(transaction, study, 1);
}

Result<std::string> read_first_lines(Transaction& transaction, const StudyId& study) {
  GALLEY_TRY(const auto row,
             transaction.query_one(
                 "select lines from study_journal where study_id = :1 and seq = 1", {study.str()}));
  return row ? row->text(0) : std::string();
}

Result<Journal> read_journal_from(Transaction& transaction, const StudyId& study,
                                  std::int64_t seq) {
  GALLEY_TRY(const auto rows,
             transaction.query("select seq, lines from study_journal where study_id = :1"
                               " and seq >= :2 order by seq",
                               {study.str(), seq}));
  Journal journal{.next_seq = seq};
  for (const Row& row : rows) {
    journal.lines += row.text(1);
    journal.next_seq = row.integer(0) + 1;
  }
  return journal;
}

Result<JobsOfTrials> read_jobs(Transaction& transaction, const StudyId& study) {
  GALLEY_TRY(const auto rows,
             transaction.query("select trial, attempt, job_id from study_jobs where study_id = :1",
                               {study.str()}));
  JobsOfTrials jobs;
  for (const Row& row : rows) jobs[{row.integer(0), row.integer(1)}] = row.text(2);
  return jobs;
}

}  // namespace galley::studies
