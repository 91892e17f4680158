#include "studies/studies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "checkpoint_keeper.h"
#include "hpo/space_json.h"
#include "hpo/warm_start.h"
#include "known_trials.h"
#include "shelf.h"
#include "store/events.h"
#include "study_forecast.h"
#include "study_obstacle.h"
#include "study_runner.h"

namespace galley::studies {
namespace {

using hpo::Event;
using hpo::TrialState;

constexpr std::size_t kMaxStudyNameBytes = 128;
constexpr std::size_t kMaxWorkerBytes = 128;
constexpr std::size_t kMaxStudyFileBytes = std::size_t{1} << 20;

Error refuse_told(std::string field, std::string message, std::string expected) {
  return {Errc::invalid_argument, std::move(message), std::move(field), std::move(expected)};
}

StudyDetails details_of(const Shelved& study) {
  StudyDetails details{study.record, study.live->progress(), study.live->file().why};
  if (study.obstacle.reason.empty() || !stands_still(study)) return details;
  details.obstacle = study.obstacle.reason;
  details.help = study.obstacle.help;
  return details;
}

Result<std::string> study_name_of(const NewStudy& study) {
  std::string name = study.name;
  if (name.empty() && study.file.is_object() && study.file.contains("name")) {
    if (!study.file["name"].is_string())
      return refuse_told("name", "found " + dump_json(study.file["name"]).substr(0, 66), "a text");
    name = study.file["name"].get<std::string>();
  }
  if (name.empty()) name = "study";
  if (name.size() > kMaxStudyNameBytes || !is_valid_utf8(name) || name.starts_with("study_"))
    return refuse_told(
        "name", "found a name that cannot be kept",
        fmt::format("at most {} bytes of UTF-8 that do not begin with study_", kMaxStudyNameBytes));
  return name;
}

/// What was told of a trial, as what happened to it.
Result<std::vector<Event>> events_of(const Told& told, const hpo::Trial& trial,
                                     std::size_t measures, double at_s) {
  using Kind = Told::Kind;
  std::vector<Event> events;
  const auto add = [&](Event::Kind kind) -> Event& {
    return events.emplace_back(
        Event{.kind = kind,
              .at_s = at_s,
              .trial = told.trial,
              .attempt = static_cast<std::int32_t>(told.attempt.value_or(trial.attempt))});
  };
  if (!told.values.empty() && told.values.size() != measures)
    return refuse_told("values", fmt::format("found {} values", told.values.size()),
                       fmt::format("{}, one for each measure", measures));
  if (told.kind == Kind::running && !told.values.empty() && !told.resource)
    return refuse_told("resource", "a value on the way needs to say how far the trial is",
                       "a number above 0");
  if (told.kind == Kind::complete && told.values.empty() && trial.objectives.empty())
    return refuse_told("values", "a trial that is complete has no value",
                       "the measure, or \"state\": \"failed\"");
  if (told.resource && !(std::isfinite(*told.resource) && *told.resource > 0))
    return refuse_told("resource", fmt::format("found {}", *told.resource), "a number above 0");
  if (!told.values.empty()) {
    Event& report = add(Event::Kind::reported);
    report.resource = told.resource.value_or(trial.budget);
    report.objectives = told.values;
  }
  if (!told.checkpoint.empty()) {
    Event& checkpoint = add(Event::Kind::checkpointed);
    checkpoint.resource = told.resource.value_or(trial.resource);
    checkpoint.text = told.checkpoint;
  }
  switch (told.kind) {
    case Kind::running:
      break;
    case Kind::complete:
      add(Event::Kind::finished);
      break;
    case Kind::failed:
      add(Event::Kind::failed).text = told.reason;
      break;
    case Kind::infeasible:
      add(Event::Kind::infeasible).text = told.reason;
      break;
    case Kind::released:
      // Without an order to go, its machine was wanted elsewhere: that is no failure.
      add(trial.state == TrialState::leaving ? Event::Kind::released : Event::Kind::preempted);
  }
  return events;
}

Status check_asked(const StudyRecord& record) {
  if (record.has_job)
    return Error{Errc::conflict,
                 "the trials of study " + record.name + " are run as jobs",
                 {},
                 {},
                 "a study whose file has no job can be asked"};
  return ok();
}

}  // namespace

struct Studies::Impl {
  Impl(store::Database& store, controller::Controller& jobs, tracking::Tracking& runs,
       const Clock& time, IdSource& id_source)
      : database(store),
        controller(jobs),
        clock(time),
        ids(id_source),
        shelf(store, time),
        runner(shelf, jobs, runs, store) {}

  /// Tells a new study what old ones know; answers that in words, and which they were. Errors:
  /// not_found, those of hpo::old_trials, with the field warm_start.
  Result<std::string> warm_up(LiveStudy& fresh, std::vector<std::string>& old_ids);

  store::Database& database;
  controller::Controller& controller;
  const Clock& clock;
  IdSource& ids;
  Shelf shelf;
  StudyRunner runner;
  std::unique_ptr<CheckpointKeeper> keeper;
};

Result<std::string> Studies::Impl::warm_up(LiveStudy& fresh, std::vector<std::string>& old_ids) {
  std::string words;
  const auto in_field = [](Error error, const std::string& name) {
    error.message = "warm start from " + name + ": " + error.message;
    error.field = "warm_start";
    return error;
  };
  for (const std::string& name : fresh.file().warm_start) {
    const auto old = shelf.find(name);
    if (!old) return in_field(old.error(), name);
    const std::lock_guard lock((*old)->mutex);
    GALLEY_TRY_STATUS(shelf.refresh(**old));
    const auto told =
        hpo::old_trials((*old)->live->study(), fresh.study().spec(), fresh.study().space());
    if (!told) return in_field(told.error(), name);
    const std::string id = (*old)->record.id.str();
    if (std::ranges::find(old_ids, id) != old_ids.end()) continue;
    old_ids.push_back(id);
    for (Event event : told->events) {
      event.attempt = static_cast<std::int32_t>(old_ids.size());
      fresh.apply(std::move(event));
    }
    words +=
        fmt::format("; it begins with {} trials of {}", told->events.size(), (*old)->record.name);
    if (told->left_out > 0)
      words +=
          fmt::format(" ({} had nothing to tell, or settings that it cannot take)", told->left_out);
  }
  return words;
}

Studies::Studies(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Studies::~Studies() { stop(); }
void Studies::stop() {
  impl_->runner.stop();
  if (impl_->keeper) impl_->keeper->stop();
}
void Studies::free_checkpoints_of(blobs::BlobStore& blobs) {
  impl_->keeper = std::make_unique<CheckpointKeeper>(impl_->shelf, impl_->database, blobs);
}
Shelf& Studies::shelf() const { return impl_->shelf; }
store::Database& Studies::database() const { return impl_->database; }

Result<std::unique_ptr<Studies>> Studies::open(store::Database& database,
                                               controller::Controller& controller,
                                               tracking::Tracking& tracking, const Clock& clock,
                                               IdSource& ids) {
  auto impl = std::make_unique<Impl>(database, controller, tracking, clock, ids);
  GALLEY_TRY_STATUS(impl->shelf.read_running());
  impl->runner.wake();
  return std::unique_ptr<Studies>(new Studies(std::move(impl)));
}

Result<StudyDetails> Studies::create(NewStudy study) {
  GALLEY_TRY(auto name, study_name_of(study));
  if (dump_json(study.file).size() > kMaxStudyFileBytes)
    return Error{Errc::too_large, "the study file is larger than 1 MiB", {}, "a smaller file"};
  GALLEY_TRY(auto file, read_study_file(study.file, [&](const StudyFile& read) {
               return Result<std::int64_t>(slots_of_nodes(impl_->controller.nodes(), read));
             }));
  auto shelved = std::make_shared<Shelved>();
  shelved->record = {.id = impl_->ids.next<StudyTag>(),
                     .name = std::move(name),
                     .team = study.team,
                     .principal = study.principal,
                     .reason = file.why,
                     .file = std::move(study.file),
                     .has_job = file.job.has_value(),
                     .created = impl_->clock.wall()};
  GALLEY_TRY(shelved->live, LiveStudy::open(std::move(file), {}));
  std::vector<std::string> old_ids;
  GALLEY_TRY(const auto learnt, impl_->warm_up(*shelved->live, old_ids));
  shelved->record.reason += learnt;
  // A name may be another study's tomorrow.
  if (!old_ids.empty()) shelved->record.file["warm_start"] = std::move(old_ids);
  const std::string lines = shelved->live->take_lines();
  if (!lines.empty()) shelved->next_seq = 2;
  const StudyRecord& record = shelved->record;
  GALLEY_TRY_STATUS(impl_->database.write([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(insert_study(transaction, record));
    if (!lines.empty()) GALLEY_TRY_STATUS(append_journal(transaction, record.id, 1, lines, 0));
    return store::append_event(transaction, {.at_ms = to_ms(record.created),
                                             .kind = "study",
                                             .subject = record.id.str(),
                                             .data = R"({"state":"running"})"});
  }));
  const StudyDetails details = details_of(*shelved);
  impl_->shelf.add(shelved);
  if (details.record.has_job) impl_->runner.wake();
  return details;
}

Result<Studies::Page> Studies::list(std::int64_t limit, std::string_view cursor) const {
  Page page;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(page, read_studies(transaction, limit, cursor));
    return ok();
  }));
  for (StudyRecord& study : page.studies)
    if (const auto now = impl_->shelf.summary(study.id)) study.summary = now;
  return page;
}

Result<StudyDetails> Studies::get(std::string_view name) const {
  GALLEY_TRY(const auto study, impl_->shelf.find(name));
  StudyDetails details;
  std::string waits;
  {
    const std::lock_guard lock(study->mutex);
    GALLEY_TRY_STATUS(impl_->shelf.refresh(*study));
    details = details_of(*study);
    if (details.obstacle.empty()) waits = job_that_waits(*study);
  }
  if (waits.empty()) return details;
  // A job that starts at once, or has done so meanwhile, stands before nothing.
  const auto why = impl_->controller.why(JobId::trusted(waits));
  if (why && why->guide && !why->guide->starts_now) {
    Obstacle obstacle = waiting_job(*why);
    details.obstacle = std::move(obstacle.reason);
    details.help = std::move(obstacle.help);
  }
  return details;
}

Result<std::string> Studies::team_of(std::string_view name) const {
  GALLEY_TRY(const auto study, impl_->shelf.find(name));
  const std::lock_guard lock(study->mutex);
  return study->record.team;
}

Result<std::vector<TrialView>> Studies::trials(std::string_view name, std::int64_t from,
                                               std::int64_t limit) const {
  GALLEY_TRY(const auto study, impl_->shelf.find(name));
  const std::lock_guard lock(study->mutex);
  GALLEY_TRY_STATUS(impl_->shelf.refresh(*study));
  const auto count = static_cast<std::int64_t>(study->live->study().trials().size());
  std::vector<TrialView> views;
  for (std::int64_t i = from; i < std::min(count, from + limit); ++i) {
    TrialView view = study->live->view(i);
    for (std::int64_t attempt = view.attempt; attempt > 0 && view.job_id.empty(); --attempt)
      if (const auto job = study->jobs.find({i, attempt}); job != study->jobs.end())
        view.job_id = job->second;
    views.push_back(std::move(view));
  }
  return views;
}

Result<StudyPreview> Studies::preview(const NewStudy& study, const PreviewWishes& wishes) const {
  GALLEY_TRY(const auto name, study_name_of(study));
  const auto nodes = impl_->controller.nodes();
  GALLEY_TRY(const auto foreseen, foresee(study.file, wishes, [&](const StudyFile& read) {
               return Result<std::int64_t>(slots_of_nodes(nodes, read));
             }));
  const auto& [file, slots] = foreseen;
  const auto with_type = [&](Result<StudyPreview> preview) {
    if (preview) preview->gpu_type = gpu_type_of(nodes);
    return preview;
  };
  if (wishes.seconds_per_resource)
    return with_type(forecast(file, slots, *wishes.seconds_per_resource, "as you say"));
  if (const auto before = impl_->shelf.find(name)) {
    const std::lock_guard lock((*before)->mutex);
    GALLEY_TRY_STATUS(impl_->shelf.refresh(**before));
    if (const auto pace = pace_of((*before)->live->study()))
      return with_type(forecast(file, slots, *pace, "as in study " + (*before)->record.id.str()));
  }
  return with_type(forecast(file, slots, 1, "a guess: no study of this name has run"));
}

Result<StudyImportance> Studies::importance(std::string_view name) const {
  GALLEY_TRY(const auto study, impl_->shelf.find(name));
  const std::lock_guard lock(study->mutex);
  GALLEY_TRY_STATUS(impl_->shelf.refresh(*study));
  const hpo::Study& now = study->live->study();
  GALLEY_TRY(const auto known, read_known(impl_->database, study->record, now.space(), now.spec()));
  return importance_of(now, known);
}

Result<std::vector<Order>> Studies::ask(std::string_view name, std::int64_t count,
                                        const std::string& worker) {
  if (worker.size() > kMaxWorkerBytes || !is_valid_utf8(worker))
    return refuse_told("worker", "found a name that cannot be kept",
                       fmt::format("at most {} bytes of UTF-8", kMaxWorkerBytes));
  if (!worker.empty() && count != 1)
    return refuse_told("count", fmt::format("found {} with a worker's name", count),
                       "1: a worker has one trial at a time");
  GALLEY_TRY(const auto study, impl_->shelf.find(name));
  std::vector<Order> orders;
  std::future<Status> saved;
  {
    const std::lock_guard lock(study->mutex);
    GALLEY_TRY_STATUS(impl_->shelf.refresh(*study));
    GALLEY_TRY_STATUS(check_asked(study->record));
    if (study->record.state != StudyState::running)
      return Error{Errc::conflict,
                   fmt::format("study {} is over: {}", study->record.name, study->record.reason)};
    const double at_s = impl_->shelf.at_s(*study);
    study->live->apply({.kind = Event::Kind::tick, .at_s = at_s});
    while (static_cast<std::int64_t>(orders.size()) < count) {
      auto order = study->live->next(at_s, worker, true);
      if (!order) break;
      orders.push_back(*std::move(order));
    }
    saved = impl_->shelf.save(study);
  }
  GALLEY_TRY_STATUS(saved.get());
  return orders;
}

Result<Verdict> Studies::tell(std::string_view name, const Told& told) {
  GALLEY_TRY(const auto study, impl_->shelf.find(name));
  Verdict verdict;
  std::future<Status> saved;
  {
    const std::lock_guard lock(study->mutex);
    GALLEY_TRY_STATUS(impl_->shelf.refresh(*study));
    GALLEY_TRY_STATUS(check_asked(study->record));
    const auto& trials = study->live->study().trials();
    if (told.trial < 0 || told.trial >= static_cast<std::int64_t>(trials.size()))
      return Error{Errc::not_found,
                   fmt::format("study {} has no trial {}", study->record.name, told.trial), "trial",
                   fmt::format("0 to {}", static_cast<std::int64_t>(trials.size()) - 1)};
    const auto index = static_cast<std::size_t>(told.trial);
    GALLEY_TRY(const auto events,
               events_of(told, trials[index], study->live->study().spec().measures.size(),
                         impl_->shelf.at_s(*study)));
    const std::int32_t attempt = trials[index].attempt;
    for (const Event& event : events) study->live->apply(event);
    const auto& trial = trials[index];
    verdict = {.state = std::string(to_string(trial.state)),
               .goes_on = trial.state == TrialState::running && trial.attempt == attempt,
               .why = trial.why};
    saved = impl_->shelf.save(study);
  }
  GALLEY_TRY_STATUS(saved.get());
  return verdict;
}

Result<StudyDetails> Studies::end(std::string_view name, const std::string& principal) {
  GALLEY_TRY(const auto study, impl_->shelf.find(name));
  std::future<Status> saved;
  {
    const std::lock_guard lock(study->mutex);
    GALLEY_TRY_STATUS(impl_->shelf.refresh(*study));
    if (study->record.state != StudyState::running) return details_of(*study);
    study->record.state = StudyState::stopping;
    study->record.reason = "stopped by " + principal;
    study->live->apply(
        {.kind = Event::Kind::capacity, .at_s = impl_->shelf.at_s(*study), .gpus = 0});
    saved = impl_->shelf.save(study);
  }
  GALLEY_TRY_STATUS(saved.get());
  impl_->runner.wake();
  const std::lock_guard lock(study->mutex);
  return details_of(*study);
}

}  // namespace galley::studies
