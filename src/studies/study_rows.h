#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "studies/studies.h"

// Studies as rows: one for each, its journal in pieces, and which job is which attempt.

namespace galley::studies {

Status insert_study(store::Transaction& transaction, const StudyRecord& study);
/// The piece after `seq - 1`. Errors: conflict when there is one of that number.
Status append_journal(store::Transaction& transaction, const StudyId& study, std::int64_t seq,
                      const std::string& lines, std::int64_t trials);
Status save_state(store::Transaction& transaction, const StudyRecord& study);
Status save_job(store::Transaction& transaction, const StudyId& study, std::int64_t trial,
                std::int64_t attempt, const std::string& job_id);

/// By id, or the newest of that name. Errors: not_found.
Result<StudyRecord> read_study(store::Transaction& transaction, std::string_view name);
Result<Studies::Page> read_studies(store::Transaction& transaction, std::int64_t limit,
                                   std::string_view cursor);
Result<std::vector<StudyRecord>> read_running(store::Transaction& transaction);
/// Those with a job that run, or ended at or after `since`.
Result<std::vector<StudyId>> read_with_jobs(store::Transaction& transaction, WallTime since);

struct Journal {
  std::string lines;
  std::int64_t next_seq = 1;
};
Result<Journal> read_journal(store::Transaction& transaction, const StudyId& study);
/// The first piece alone: what a study knew when it began.
Result<std::string> read_first_lines(store::Transaction& transaction, const StudyId& study);
/// The pieces from `seq` on.
Result<Journal> read_journal_from(store::Transaction& transaction, const StudyId& study,
                                  std::int64_t seq);
/// By trial and attempt.
using JobsOfTrials = std::map<std::pair<std::int64_t, std::int64_t>, std::string>;
Result<JobsOfTrials> read_jobs(store::Transaction& transaction, const StudyId& study);

}  // namespace galley::studies
