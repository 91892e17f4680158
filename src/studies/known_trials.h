#pragma once

#include <string_view>
#include <vector>

#include "hpo/space.h"
#include "hpo/study_events.h"
#include "hpo/study_spec.h"
#include "store/database.h"
#include "studies/studies.h"

// What a study knew when it began: events of the first piece of its journal, each with the number
// of the trial in its own study and, as its attempt, the place of that study in `warm_start`.

namespace galley::studies {

struct KnownPoint {
  std::size_t source = 0;    // from 1: the place in `warm_start`; 0: not noted
  std::int64_t number = -1;  // there; -1: not noted
  hpo::Point point;
  double resource = 0;
  std::vector<double> values;  // none: it failed
};

/// Those of some lines of a journal; a point that is none of the space is left out. Pure.
/// Errors: corrupt.
Result<std::vector<KnownPoint>> known_points(std::string_view journal, const hpo::Space& space,
                                             const hpo::StudySpec& spec);

/// The same of a stored study; reads nothing of one that began with nothing.
Result<std::vector<KnownPoint>> read_known(store::Database& database, const StudyRecord& study,
                                           const hpo::Space& space, const hpo::StudySpec& spec);

/// Ids and names of the studies in `warm_start`; the name is empty where there is no such study.
Result<std::vector<std::pair<std::string, std::string>>> known_studies(store::Database& database,
                                                                       const StudyRecord& study);

}  // namespace galley::studies
