#include "known_trials.h"

#include <charconv>

#include "base/text.h"
#include "hpo/space_json.h"
#include "shelf.h"
#include "study_rows.h"

namespace galley::studies {
namespace {

constexpr std::string_view kKnownWord = "known ";

std::optional<hpo::Point> point_of(std::string_view text, const hpo::Space& space) {
  hpo::Point point;
  if (text != "-")
    for (const std::string_view word : split(text, ',')) {
      double value = 0;
      const char* const end = word.data() + word.size();
      const auto parsed = std::from_chars(word.data(), end, value);
      if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
      point.push_back(value);
    }
  if (point.size() != space.size() || !space.contains(point)) return std::nullopt;
  return point;
}

std::vector<std::string> sources_of(const StudyRecord& study) {
  std::vector<std::string> sources;
  const auto named = study.file.find("warm_start");
  if (named == study.file.end()) return sources;
  if (named->is_string()) sources.push_back(named->get<std::string>());
  if (named->is_array())
    for (const Json& one : *named)
      if (one.is_string()) sources.push_back(one.get<std::string>());
  return sources;
}

}  // namespace

Result<std::vector<KnownPoint>> known_points(std::string_view journal, const hpo::Space& space,
                                             const hpo::StudySpec& spec) {
  std::vector<KnownPoint> known;
  for (const std::string_view line : split(journal, '\n')) {
    if (!line.starts_with(kKnownWord)) continue;
    GALLEY_TRY(const hpo::Event event, hpo::decode_event(line));
    auto point = point_of(event.text, space);
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
  if (sources_of(study).empty()) return std::vector<KnownPoint>();
  std::string lines;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(lines, read_first_lines(transaction, study.id));
    return ok();
  }));
  return known_points(lines, space, spec);
}

Result<std::vector<std::pair<std::string, std::string>>> known_studies(store::Database& database,
                                                                       const StudyRecord& study) {
  std::vector<std::pair<std::string, std::string>> studies;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    for (const std::string& source : sources_of(study)) {
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
