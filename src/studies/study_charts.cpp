#include "studies/study_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "hpo/space_json.h"
#include "known_trials.h"
#include "shelf.h"
#include "study_trace.h"

namespace galley::studies {
namespace {

using hpo::TrialState;

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostCurvePoints = 40'000;  // of all curves together
constexpr std::size_t kLeastCurvePoints = 8;      // of one

std::vector<TableAxis> axes_of(const hpo::Space& space) {
  std::vector<TableAxis> axes;
  for (const auto& parameter : space.parameters()) {
    TableAxis axis{.name = parameter.name,
                   .kind = static_cast<TableAxis::Kind>(parameter.kind),
                   .low = parameter.low,
                   .high = parameter.high,
                   .log = parameter.log,
                   .step = parameter.step};
    for (const auto& choice : parameter.choices) axis.choices.push_back(hpo::print_choice(choice));
    axes.push_back(std::move(axis));
  }
  for (const auto& condition : space.conditions()) axes[condition.parameter].conditional = true;
  return axes;
}

/// Finished trials that no other beats: with one measure the best, else the front.
std::vector<std::int64_t> front_of(const hpo::Study& study) {
  const auto& measures = study.spec().measures;
  if (measures.size() == 1)
    return study.best() ? std::vector<std::int64_t>{*study.best()} : std::vector<std::int64_t>{};
  struct Row {
    std::int64_t number;
    std::vector<double> losses;
  };
  std::vector<Row> rows;
  for (const auto& trial : study.trials()) {
    if (trial.state != TrialState::finished || trial.repeat_of >= 0) continue;
    if (!std::ranges::all_of(trial.objectives, [](double one) { return std::isfinite(one); }))
      continue;
    Row row{trial.number, trial.objectives};
    for (std::size_t i = 0; i < measures.size(); ++i)
      if (measures[i].maximise) row.losses[i] *= -1;
    rows.push_back(std::move(row));
  }
  // Whoever beats a row in every measure stands before it.
  std::ranges::stable_sort(rows, {}, &Row::losses);
  std::vector<Row> front;
  for (Row& row : rows) {
    const bool beaten = std::ranges::any_of(front, [&](const Row& other) {
      return other.losses != row.losses &&
             std::ranges::equal(other.losses, row.losses, std::less_equal{});
    });
    if (!beaten) front.push_back(std::move(row));
  }
  std::vector<std::int64_t> numbers;
  for (const Row& row : front) numbers.push_back(row.number);
  std::ranges::sort(numbers);
  return numbers;
}

/// The trials whose curves are shown where nobody named any: the best, and an even choice.
std::set<std::int64_t> trials_to_draw(const hpo::Study& study, std::int64_t limit) {
  std::vector<std::pair<double, std::int64_t>> reported;
  const bool maximise = study.spec().measures[0].maximise;
  for (const auto& trial : study.trials()) {
    if (trial.objectives.empty()) continue;
    const double value = trial.objectives[0];
    const double loss = maximise ? -value : value;
    reported.emplace_back(std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss,
                          trial.number);
  }
  std::set<std::int64_t> chosen;
  const auto most = static_cast<std::size_t>(limit);
  if (reported.size() > most) {
    // The rest first, in the order of numbers, which is the order of time.
    const std::size_t even = most - most / 2;
    for (std::size_t i = 0; i < even; ++i)
      chosen.insert(reported[i * reported.size() / even].second);
  }
  std::ranges::sort(reported);
  for (std::size_t i = 0; i < reported.size() && chosen.size() < most; ++i)
    chosen.insert(reported[i].second);
  return chosen;
}

/// Evenly, with the first and the last point.
void thin(TrialCurve& curve, std::size_t most) {
  const std::size_t count = curve.at_s.size();
  if (count <= most) return;
  for (std::size_t i = 0; i < most; ++i) {
    const std::size_t from = i * (count - 1) / (most - 1);
    curve.at_s[i] = curve.at_s[from];
    curve.resource[i] = curve.resource[from];
    curve.value[i] = curve.value[from];
  }
  curve.at_s.resize(most);
  curve.resource.resize(most);
  curve.value.resize(most);
}

void add_known(StudyTable::Known& to, const std::vector<KnownPoint>& known,
               std::vector<std::pair<std::string, std::string>> sources, std::size_t axes,
               std::size_t measures) {
  to.studies = std::move(sources);
  to.axes.resize(axes);
  to.measures.resize(measures);
  for (const KnownPoint& one : known) {
    if (one.source == 0 || one.source > to.studies.size()) continue;
    to.from.push_back(one.source - 1);
    to.numbers.push_back(one.number);
    to.failed.push_back(one.values.empty() ? 1 : 0);
    to.resources.push_back(one.resource);
    for (std::size_t i = 0; i < axes; ++i) to.axes[i].push_back(one.point[i]);
    for (std::size_t i = 0; i < measures; ++i)
      to.measures[i].push_back(i < one.values.size() ? one.values[i] : kAbsent);
  }
}

/// As the file has its parameters, where that is known; those that it does not name stay last.
void sort_axes(StudyTable& table, const std::vector<std::string>& order) {
  std::vector<std::size_t> places(table.axes.size());
  std::iota(places.begin(), places.end(), 0U);
  std::ranges::stable_sort(places, {}, [&](std::size_t axis) {
    return std::ranges::find(order, table.axes[axis].name) - order.begin();
  });
  std::vector<TableAxis> axes;
  std::vector<std::vector<double>> known;
  for (const std::size_t place : places) {
    axes.push_back(std::move(table.axes[place]));
    if (!table.known.axes.empty()) known.push_back(std::move(table.known.axes[place]));
  }
  table.axes = std::move(axes);
  table.known.axes = std::move(known);
}

}  // namespace

Result<StudyTable> Studies::table(std::string_view name) const {
  GALLEY_TRY(const auto shelved, shelf().find(name));
  const std::lock_guard lock(shelved->mutex);
  GALLEY_TRY_STATUS(shelf().refresh(*shelved));
  const hpo::Study& study = shelved->live->study();
  const auto& trials = study.trials();
  StudyTable table{.axes = axes_of(study.space()), .best = study.best(), .front = front_of(study)};
  for (const auto& measure : study.spec().measures)
    table.measures.push_back({{measure.name, measure.maximise}, {}});
  for (auto state = TrialState::waiting; state <= TrialState::infeasible;
       state = static_cast<TrialState>(static_cast<int>(state) + 1))
    table.state_words.emplace_back(to_string(state));
  for (auto& axis : table.axes) axis.values.reserve(trials.size());
  for (const auto& trial : trials) {
    for (std::size_t i = 0; i < table.axes.size(); ++i)
      table.axes[i].values.push_back(trial.point[i]);
    for (std::size_t i = 0; i < table.measures.size(); ++i)
      table.measures[i].values.push_back(i < trial.objectives.size() ? trial.objectives[i]
                                                                     : kAbsent);
    table.states.push_back(static_cast<std::uint8_t>(trial.state));
    table.attempts.push_back(trial.attempt);
    table.resources.push_back(trial.resource);
    table.budgets.push_back(trial.budget);
    table.gpu_seconds.push_back(trial.gpu_seconds);
  }
  GALLEY_TRY(const auto known,
             read_known(database(), shelved->record, study.space(), study.spec()));
  if (!known.empty()) {
    GALLEY_TRY(auto sources, known_studies(database(), shelved->record));
    add_known(table.known, known, std::move(sources), table.axes.size(), table.measures.size());
  }
  sort_axes(table, shelved->live->file().order);
  return table;
}

Result<StudyCurves> Studies::curves(std::string_view name, const CurvesWanted& wanted) const {
  GALLEY_TRY(const auto shelved, shelf().find(name));
  StudyCurves found;
  std::set<std::int64_t> numbers(wanted.trials.begin(), wanted.trials.end());
  StudyId id;
  {
    const std::lock_guard lock(shelved->mutex);
    GALLEY_TRY_STATUS(shelf().refresh(*shelved));
    const hpo::Study& study = shelved->live->study();
    const auto& measure = study.spec().measures[0];
    found.measure = {measure.name, measure.maximise};
    for (const auto& trial : study.trials()) found.of += trial.objectives.empty() ? 0 : 1;
    if (numbers.empty()) numbers = trials_to_draw(study, wanted.limit);
    id = shelved->record.id;
  }
  std::map<std::int64_t, TrialCurve> curves;
  const auto look = [&](const StudyTrace::Trials& trials) {
    for (const std::int64_t number : numbers)
      if (const auto told = trials.find(number);
          told != trials.end() && !told->second.curve.at_s.empty())
        curves[number] = told->second.curve;
  };
  GALLEY_TRY_STATUS(shelved->trace.look_at(database(), id, look));
  const std::size_t most =
      std::max(kLeastCurvePoints, kMostCurvePoints / std::max<std::size_t>(curves.size(), 1));
  for (auto& [number, curve] : curves) {
    thin(curve, most);
    found.curves.push_back(std::move(curve));
  }
  return found;
}

Result<TrialHistory> Studies::trial(std::string_view name, std::int64_t number) const {
  GALLEY_TRY(const auto shelved, shelf().find(name));
  TrialHistory history{.trial = {.params = nullptr}};
  StudyId id;
  JobsOfTrials jobs;
  {
    const std::lock_guard lock(shelved->mutex);
    GALLEY_TRY_STATUS(shelf().refresh(*shelved));
    const hpo::Study& study = shelved->live->study();
    const auto count = static_cast<std::int64_t>(study.trials().size());
    if (number < 0 || number >= count)
      return Error{Errc::not_found,
                   fmt::format("study {} has no trial {}", shelved->record.name, number),
                   {},
                   count == 0 ? "a study with trials" : fmt::format("0 to {}", count - 1)};
    const auto& trial = study.trials()[static_cast<std::size_t>(number)];
    history.trial = shelved->live->view(number);
    history.gpu_seconds = trial.gpu_seconds;
    history.lost_gpu_seconds = trial.lost_gpu_seconds;
    for (const auto& piece : study.lineage(number))
      history.lineage.push_back({piece.trial, hpo::print_point(study.space(), piece.point),
                                 piece.from_resource, piece.to_resource});
    jobs = shelved->jobs;
    id = shelved->record.id;
  }
  const auto look = [&](const StudyTrace::Trials& trials) {
    const auto told = trials.find(number);
    if (told == trials.end()) return;
    history.curve = told->second.curve;
    history.attempts = told->second.attempts;
  };
  GALLEY_TRY_STATUS(shelved->trace.look_at(database(), id, look));
  history.curve.trial = number;
  thin(history.curve, kMostCurvePoints);
  double from = 0;
  for (auto& attempt : history.attempts) {
    attempt.from_resource = from;
    attempt.to_resource = std::max(attempt.to_resource, from);
    from = attempt.to_resource;
    const auto job = jobs.find({number, attempt.number});
    if (job != jobs.end()) attempt.job_id = job->second;
  }
  if (!history.attempts.empty()) history.trial.job_id = history.attempts.back().job_id;
  return history;
}

std::vector<StudyId> Studies::take_changed() { return shelf().take_changed(); }

}  // namespace galley::studies
