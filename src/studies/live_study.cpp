#include "live_study.h"

#include <algorithm>

#include "hpo/space_json.h"
#include "study_race.h"

namespace galley::studies {
namespace {

using hpo::Event;
using hpo::TrialState;

}  // namespace

Result<std::unique_ptr<LiveStudy>> LiveStudy::open(StudyFile file, const std::string& journal) {
  PoolHistory history;
  decltype(held_) held;
  decltype(workers_) workers;
  const auto note = [&](const hpo::Study& now, const Event& event) {
    history.note(now.now_s(), now.pools());
    if (event.kind != Event::Kind::started || event.text.empty()) return;
    workers[event.trial] = event.text;
    held[event.text] = event.trial;
  };
  auto study = hpo::Study::replay(journal, file.spec, file.space, make_study_sampler, note);
  if (!study) return study.error();
  std::unique_ptr<LiveStudy> live(new LiveStudy(std::move(file), *std::move(study)));
  live->history_ = std::move(history);
  live->workers_ = std::move(workers);
  live->held_ = std::move(held);
  live->find_waiting();
  return live;
}

void LiveStudy::find_waiting() {
  for (const auto& trial : study_.trials())
    if (trial.state == TrialState::waiting) waiting_.push_back(trial.number);
}

void LiveStudy::apply(Event event) {
  event.at_s = std::max(event.at_s, study_.now_s());
  const auto actions = study_.apply(event);
  history_.note(study_.now_s(), study_.pools());
  for (const auto& action : actions)
    if (action.kind == hpo::Action::Kind::create || action.kind == hpo::Action::Kind::revive ||
        action.kind == hpo::Action::Kind::exploit)
      waiting_.push_back(action.trial);
}

bool LiveStudy::waits(std::int64_t trial) const {
  return study_.trials()[static_cast<std::size_t>(trial)].state == TrialState::waiting;
}

Order LiveStudy::order_of(const hpo::Trial& trial) const {
  return {.trial = trial.number,
          .attempt = trial.attempt,
          .params = hpo::print_point(study_.space(), trial.point),
          .budget = trial.budget,
          .checkpoint = trial.checkpoint.name,
          .from_resource = trial.checkpoint.name.empty() ? 0 : trial.checkpoint.resource,
          .seed = trial.run_seed,
          .why = trial.why};
}

std::vector<Order> LiveStudy::waiting() const {
  std::vector<Order> orders;
  for (const std::int64_t number : waiting_)
    if (waits(number))
      orders.push_back(order_of(study_.trials()[static_cast<std::size_t>(number)]));
  return orders;
}

std::optional<Order> LiveStudy::next(double at_s, const std::string& worker, bool may_grow) {
  if (const auto held = held_.find(worker); !worker.empty() && held != held_.end()) {
    const auto& trial = study_.trials()[static_cast<std::size_t>(held->second)];
    if (trial.state == TrialState::running && workers_[trial.number] == worker)
      return order_of(trial);
  }
  while (!waiting_.empty() && !waits(waiting_.front())) waiting_.pop_front();
  if (waiting_.empty() && may_grow) {
    const std::int64_t each = std::max<std::int64_t>(study_.spec().gpus.per_trial, 1);
    const std::int64_t live = study_.pools().live;
    apply({.kind = Event::Kind::capacity, .at_s = at_s, .gpus = (live + 1) * each});
  }
  if (waiting_.empty()) return std::nullopt;
  const std::int64_t number = waiting_.front();
  waiting_.pop_front();
  const Order order = order_of(study_.trials()[static_cast<std::size_t>(number)]);
  apply({.kind = Event::Kind::started,
         .at_s = at_s,
         .trial = number,
         .attempt = static_cast<std::int32_t>(order.attempt),
         .text = worker});
  workers_[number] = worker;
  if (!worker.empty()) held_[worker] = number;
  return order;
}

StudyProgress LiveStudy::progress() const {
  const auto pools = study_.pools();
  const auto& spec = study_.spec();
  StudyProgress progress{.resource = spec.resource,
                         .max_resource = spec.max_resource,
                         .max_trials = spec.termination.max_sessions,
                         .trials = static_cast<std::int64_t>(study_.trials().size()),
                         .live = pools.live,
                         .stop = pools.stop,
                         .dead = pools.dead,
                         .ended = pools.ended,
                         .gpu_seconds = study_.gpu_seconds()};
  for (const auto& measure : spec.measures)
    progress.measures.push_back({measure.name, measure.maximise});
  if (const auto best = study_.best()) {
    const auto& trial = study_.trials()[static_cast<std::size_t>(*best)];
    progress.best = *best;
    progress.best_values = trial.objectives;
    progress.best_params = hpo::print_point(study_.space(), trial.point);
    if (spec.seeds > 1) progress.finalists = raced_trials(study_);
  }
  return progress;
}

std::string LiveStudy::worker_of(std::int64_t trial) const {
  const auto worker = workers_.find(trial);
  return worker == workers_.end() ? std::string() : worker->second;
}

TrialView LiveStudy::view(std::int64_t number) const {
  const auto& trial = study_.trials()[static_cast<std::size_t>(number)];
  return {.number = number,
          .attempt = trial.attempt,
          .state = std::string(to_string(trial.state)),
          .params = hpo::print_point(study_.space(), trial.point),
          .resource = trial.resource,
          .budget = trial.budget,
          .values = trial.objectives,
          .checkpoint = trial.checkpoint.name,
          .worker = worker_of(number),
          .why = trial.why,
          .repeat_of = trial.repeat_of < 0 ? std::optional<std::int64_t>() : trial.repeat_of};
}

}  // namespace galley::studies
