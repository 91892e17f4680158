#pragma once

#include "controller/controller.h"
#include "known_trials.h"
#include "live_study.h"

namespace galley::studies {

/// Trials of the job, or of `gpus_per_trial`, that the nodes can hold at once when nobody else
/// works; 0 where there is none.
std::int64_t slots_of_nodes(const std::vector<protocol::NodeRecord>& nodes, const StudyFile& file);
/// The model of their GPUs, where all have one; else empty.
std::string gpu_type_of(const std::vector<protocol::NodeRecord>& nodes);
bool takes_jobs(const protocol::NodeRecord& node);

/// A study, and how many of its trials run at once, at least one: of the GPUs that a caller names,
/// else as `slots_there` knows. Methods are chosen by that. Errors: invalid_argument (also: too few
/// GPUs for one trial).
struct Foreseen {
  StudyFile file;
  std::int64_t slots = 1;
};
Result<Foreseen> foresee(Json file, const PreviewWishes& wishes, const SlotsOf& slots_there);

/// `seconds_from` says where the pace comes from. Errors: those of hpo::preview.
Result<StudyPreview> forecast(const StudyFile& file, std::int64_t slots,
                              double seconds_per_resource, std::string seconds_from);

/// The mean over trials that ran; nothing before the first.
std::optional<double> pace_of(const hpo::Study& study);

/// `known` count as its own trials do.
Result<StudyImportance> importance_of(const hpo::Study& study,
                                      const std::vector<KnownPoint>& known = {});

}  // namespace galley::studies
