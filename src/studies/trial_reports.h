#pragma once

#include <vector>

#include "hpo/study_events.h"
#include "tracking/tracking.h"

namespace galley::studies {

/// What the run of a trial's job says, as events by how far it was; a checkpoint before the report
/// of the same place, so that who is judged by the report has it. `measures` are the points of each
/// measure; a step without all of them is no report. `resources` are those of the metric that the
/// study calls its resource, often none: steps count then. `from` is the resource that the attempt
/// began at, 0 for none. Trial, attempt and time are the caller's to fill in. Pure.
///
/// Who counts from 0 has spent one unit when it reports 0; who counts its reports anew after it
/// went on from a checkpoint is `from` further than it says.
std::vector<hpo::Event> told_by_run(const RunId& run,
                                    const std::vector<std::vector<tracking::Point>>& measures,
                                    const std::vector<tracking::Point>& resources,
                                    const std::vector<tracking::Artifact>& files, double from);

}  // namespace galley::studies
