#pragma once

#include <vector>

#include "hpo/study.h"
#include "studies/studies.h"

namespace galley::studies {

/// The finalists that ran again with other seeds, the best mean first; empty before the race and
/// for studies with one seed. The interval holds the mean with 95 % (Student's t over the runs).
/// Pure; O(trials).
std::vector<RacedTrial> raced_trials(const hpo::Study& study);

}  // namespace galley::studies
