#include "study_trace.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "hpo/study_events.h"
#include "study_rows.h"

namespace galley::studies {
namespace {

using hpo::Event;

constexpr std::array<std::string_view, 4> kOfNoTrial{"point ", "tick ", "capacity ", "known "};

void add_report(TrialCurve& curve, const Event& report) {
  curve.at_s.push_back(report.at_s);
  curve.resource.push_back(report.resource);
  curve.value.push_back(report.objectives.empty() ? std::numeric_limits<double>::quiet_NaN()
                                                  : report.objectives[0]);
}

/// What an event says of the attempts of its trial.
void follow_attempts(std::vector<TrialHistory::Attempt>& attempts, const Event& event) {
  if (event.attempt < 1) return;
  while (attempts.size() < static_cast<std::size_t>(event.attempt))
    attempts.push_back({.number = static_cast<std::int64_t>(attempts.size()) + 1});
  auto& attempt = attempts[static_cast<std::size_t>(event.attempt) - 1];
  if (!attempt.began_s) attempt.began_s = event.at_s;
  switch (event.kind) {
    case Event::Kind::reported:
    case Event::Kind::checkpointed:
      attempt.to_resource = std::max(attempt.to_resource, event.resource);
      return;
    case Event::Kind::released:
    case Event::Kind::preempted:
    case Event::Kind::finished:
    case Event::Kind::failed:
    case Event::Kind::infeasible:
      attempt.ended_s = event.at_s;
      attempt.ended_by = std::string(to_string(event.kind));
      return;
    default:
      return;
  }
}

}  // namespace

Status StudyTrace::look_at(store::Database& database, const StudyId& study,
                           const std::function<void(const Trials&)>& look) {
  const std::lock_guard lock(mutex_);
  GALLEY_TRY_STATUS(read_on_locked(database, study));
  look(trials_);
  return ok();
}

Result<std::set<std::string>> StudyTrace::checkpoints(store::Database& database,
                                                      const StudyId& study) {
  const std::lock_guard lock(mutex_);
  GALLEY_TRY_STATUS(read_on_locked(database, study));
  return checkpoints_;
}

Status StudyTrace::read_on_locked(store::Database& database, const StudyId& study) {
  Journal news;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(news, read_journal_from(transaction, study, next_seq_));
    return ok();
  }));
  const std::string_view lines = news.lines;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    const std::string_view line = lines.substr(begin, end - begin);
    begin = end + 1;
    if (std::ranges::any_of(kOfNoTrial, [&](auto word) { return line.starts_with(word); }))
      continue;
    GALLEY_TRY(const Event event, hpo::decode_event(line));
    Told& told = trials_[event.trial];
    told.curve.trial = event.trial;
    if (event.kind == Event::Kind::reported) add_report(told.curve, event);
    if (event.kind == Event::Kind::checkpointed) checkpoints_.insert(event.text);
    follow_attempts(told.attempts, event);
  }
  next_seq_ = news.next_seq;
  return ok();
}

}  // namespace galley::studies
