#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "hpo/space.h"
#include "hpo/study.h"
#include "hpo/study_spec.h"
#include "kept_checkpoints.h"
#include "protocol/job_spec.h"

namespace galley::studies {

/// What a study file says.
struct StudyFile {
  hpo::Space space;
  hpo::StudySpec spec;                     // with its methods chosen
  std::string why;                         // how they were chosen
  std::optional<protocol::JobSpec> job{};  // what a trial runs; absent: trials are asked for
  std::vector<std::string> warm_start{};   // studies whose results it begins with
  std::vector<std::string> order{};        // of the parameters, as charts and tables have them
  /// Methods are still to be chosen by how many trials run at once, which the file does not say.
  bool wants_slots = false;
  KeepCheckpoints keep_checkpoints = KeepCheckpoints::best;
};

/// Reads "kind", "version", "name", "team", "job", "checkpoints", "keep_checkpoints", "warm_start",
/// "axes", "at_once", and what hpo reads. Errors: invalid_argument with the path of the field.
Result<StudyFile> read_study_file(const Json& file);

/// The same where the machines are known: `slots_of` a file says how many of its trials can run at
/// once (0: nobody knows). Notes that in `file`, as "at_once", where methods are chosen by it: a
/// study stays what it was when machines come or go.
using SlotsOf = std::function<Result<std::int64_t>(const StudyFile&)>;
Result<StudyFile> read_study_file(Json& file, const SlotsOf& slots_of);

/// The studies that it begins with: one name, or a list of them. Errors: invalid_argument.
Result<std::vector<std::string>> read_warm_start(const Json& file);

/// The samplers of hpo by name, with the spec's seed.
Result<std::unique_ptr<hpo::Sampler>> make_study_sampler(const hpo::StudySpec& spec,
                                                         const hpo::Space& space);

}  // namespace galley::studies
