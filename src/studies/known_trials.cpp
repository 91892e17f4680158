#include "known_trials.h"

#include "base/text.h"
#include "hpo/space_json.h"
#include "shelf.h"
#include "study_file.h"
#include "study_rows.h"

namespace galley::studies {
namespace {

constexpr std::string_view kKnownWord = "known ";

}  // namespace

Result<std::vector<KnownPoint>> known_points(std::string_view journal, const hpo::Space& space,
                                             const hpo::StudySpec& spec) {
  std::vector<KnownPoint> known;
  for (const std::string_view line : split(journal, '\n')) {
    if (!line.starts_with(kKnownWord)) continue;
    GALLEY_TRY(const hpo::Event event, hpo::decode_event(line));
    auto point = hpo::known_point(event, space);
    if (!point) continue;
    known.push_back({.source = static_cast<std::size_t>(std::max(event.attempt, 0)),
                     .number = event.trial,
                     .point = *std::move(point),
                     .resource = event.resource > 0 ? event.resource : spec.max_resource,
                     .values = event.objectives});
  }
  return known;
}

Result<std::vector<KnownPoint>> read_known(store::Database& database, const StudyRecord& study,
                                           const hpo::Space& space, const hpo::StudySpec& spec) {
  GALLEY_TRY(const auto sources, read_warm_start(study.file));
  if (sources.empty()) return std::vector<KnownPoint>();
  std::string lines;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(lines, read_first_lines(transaction, study.id));
    return ok();
  }));
  return known_points(lines, space, spec);
}

Result<std::vector<std::pair<std::string, std::string>>> known_studies(store::Database& database,
                                                                       const StudyRecord& study) {
  GALLEY_TRY(const auto sources, read_warm_start(study.file));
  std::vector<std::pair<std::string, std::string>> studies;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    for (const std::string& source : sources) {
      const auto found = read_study(transaction, source);
      if (!found && found.error().code != Errc::not_found) return found.error();
      studies.emplace_back(found ? found->id.str() : source, found ? found->name : std::string());
    }
    return ok();
  }));
  return studies;
}

Result<std::vector<KnownTrial>> Studies::known(std::string_view name) const {
  GALLEY_TRY(const auto shelved, shelf().find(name));
  const std::lock_guard lock(shelved->mutex);
  GALLEY_TRY_STATUS(shelf().refresh(*shelved));
  const hpo::Study& study = shelved->live->study();
  GALLEY_TRY(const auto points,
             read_known(database(), shelved->record, study.space(), study.spec()));
  std::vector<KnownTrial> trials;
  if (points.empty()) return trials;
  GALLEY_TRY(const auto studies, known_studies(database(), shelved->record));
  for (const KnownPoint& one : points) {
    KnownTrial trial{.number = one.number,
                     .failed = one.values.empty(),
                     .params = hpo::print_point(study.space(), one.point),
                     .resource = one.resource,
                     .values = one.values};
    if (one.source > 0 && one.source <= studies.size())
      std::tie(trial.study_id, trial.study_name) = studies[one.source - 1];
    trials.push_back(std::move(trial));
  }
  return trials;
}

}  // namespace galley::studies
