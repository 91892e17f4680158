#include "shelf.h"

#include <utility>

#include "base/log.h"

namespace galley::studies {
namespace {

/// Ended studies that are kept in memory for whoever looks again.
constexpr std::size_t kMaxEnded = 32;

StudySummary summary_of(const hpo::Study& study) {
  const auto pools = study.pools();
  StudySummary summary{.trials = static_cast<std::int64_t>(study.trials().size()),
                       .live = pools.live,
                       .stop = pools.stop,
                       .dead = pools.dead,
                       .ended = pools.ended,
                       .gpu_seconds = study.gpu_seconds()};
  if (const auto best = study.best()) {
    summary.best = *best;
    summary.best_values = study.trials()[static_cast<std::size_t>(*best)].objectives;
  }
  return summary;
}

/// The state that a study's trials have brought about.
void follow(StudyRecord& record, const hpo::Study& study, WallTime now) {
  const bool lets_go = record.has_job && study.pools().live > 0;
  if (record.state == StudyState::running && study.is_over()) {
    record.state = StudyState::stopping;
    record.reason = study.why_over();
  }
  if (record.state != StudyState::stopping || lets_go) return;
  record.state = study.is_over() ? StudyState::finished : StudyState::stopped;
  record.ended = now;
}

}  // namespace

Result<SharedStudy> Shelf::load(StudyRecord record) const {
  auto study = std::make_shared<Shelved>();
  study->record = std::move(record);
  study->stale = true;
  GALLEY_TRY_STATUS(refresh(*study));
  return study;
}

Status Shelf::refresh(Shelved& study) const {
  if (!study.stale) return ok();
  Journal journal;
  StudyRecord record;
  GALLEY_TRY_STATUS(database_.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(record, read_study(transaction, study.record.id.str()));
    GALLEY_TRY(journal, read_journal(transaction, study.record.id));
    GALLEY_TRY(study.jobs, read_jobs(transaction, study.record.id));
    return ok();
  }));
  GALLEY_TRY(auto file, read_study_file(record.file));
  GALLEY_TRY(study.live, LiveStudy::open(std::move(file), journal.lines));
  study.record = std::move(record);
  study.stored_state = study.record.state;
  study.next_seq = journal.next_seq;
  study.stale = false;
  return ok();
}

Status Shelf::read_running() {
  std::vector<StudyRecord> records;
  GALLEY_TRY_STATUS(database_.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(records, studies::read_running(transaction));
    return ok();
  }));
  for (StudyRecord& record : records) {
    const std::string name = record.name;
    const auto study = load(std::move(record));
    // One that cannot be read keeps no other from going on; whoever asks for it is told why.
    if (study)
      add(*study);
    else if (study.error().code == Errc::corrupt)
      log::error("studies", "a study does not go on: what is stored of it cannot be read",
                 {{"study", name}, {"error", describe(study.error())}});
    else
      return study.error();
  }
  return ok();
}

void Shelf::add(const SharedStudy& study) {
  const std::lock_guard lock(mutex_);
  studies_[study->record.id] = study;
}

Result<SharedStudy> Shelf::find(std::string_view name) {
  StudyId id;
  StudyRecord record;
  if (const auto parsed = StudyId::parse(name)) {
    const std::lock_guard lock(mutex_);
    if (const auto found = studies_.find(*parsed); found != studies_.end()) return found->second;
  }
  GALLEY_TRY_STATUS(database_.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(record, read_study(transaction, name));
    return ok();
  }));
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = studies_.find(record.id); found != studies_.end()) return found->second;
    // Those that run are all here, so what is not has ended.
    for (auto at = studies_.begin(); at != studies_.end() && studies_.size() > kMaxEnded;) {
      const bool unused = at->second.use_count() == 1;
      const std::unique_lock study(at->second->mutex, std::try_to_lock);
      at = unused && study.owns_lock() && !at->second->runs() ? studies_.erase(at) : std::next(at);
    }
  }
  GALLEY_TRY(auto study, load(std::move(record)));
  const std::lock_guard lock(mutex_);
  return studies_.emplace(study->record.id, study).first->second;
}

std::vector<SharedStudy> Shelf::running() {
  std::vector<SharedStudy> all, running;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, study] : studies_) all.push_back(study);
  }
  for (const auto& study : all) {
    const std::lock_guard lock(study->mutex);
    if (study->runs()) running.push_back(study);
  }
  return running;
}

std::optional<StudySummary> Shelf::summary(const StudyId& id) {
  SharedStudy study;
  {
    const std::lock_guard lock(mutex_);
    const auto found = studies_.find(id);
    if (found == studies_.end()) return std::nullopt;
    study = found->second;
  }
  const std::lock_guard lock(study->mutex);
  return summary_of(study->live->study());
}

std::vector<StudyId> Shelf::take_changed() {
  const std::lock_guard lock(mutex_);
  std::vector<StudyId> changed(changed_.begin(), changed_.end());
  changed_.clear();
  return changed;
}

double Shelf::at_s(const Shelved& study) const {
  return std::chrono::duration<double>(clock_.wall() - study.record.created).count();
}

std::future<Status> Shelf::save(const SharedStudy& study) {
  auto done = std::make_shared<std::promise<Status>>();
  auto future = done->get_future();
  if (study->runs()) follow(study->record, study->live->study(), clock_.wall());
  auto lines = study->live->take_lines();
  const bool moved = study->record.state != study->stored_state;
  if (lines.empty() && !moved) {
    done->set_value(ok());
    return future;
  }
  {
    const std::lock_guard lock(mutex_);
    changed_.insert(study->record.id);
  }
  const std::int64_t seq = lines.empty() ? 0 : study->next_seq++;
  const auto trials = static_cast<std::int64_t>(study->live->study().trials().size());
  study->stored_state = study->record.state;
  StudyRecord record{.id = study->record.id,
                     .state = study->record.state,
                     .reason = study->record.reason,
                     .ended = study->record.ended};
  if (moved) record.summary = summary_of(study->live->study());
  database_.write_async(
      [seq, trials, moved, lines = std::move(lines),
       record = std::move(record)](store::Transaction& transaction) -> Status {
        if (seq > 0) GALLEY_TRY_STATUS(append_journal(transaction, record.id, seq, lines, trials));
        return moved ? save_state(transaction, record) : ok();
      },
      [study, done](const Status& status) {
        if (!status) study->stale = true;
        done->set_value(status);
      });
  return future;
}

}  // namespace galley::studies
