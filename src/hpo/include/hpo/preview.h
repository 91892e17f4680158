#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hpo/space.h"
#include "hpo/study_spec.h"

namespace galley::hpo {

struct PreviewFacts {
  std::int64_t gpus = 1;            // that the study can expect to hold, all the time
  double seconds_per_resource = 0;  // of one trial
  double startup_s = 0;             // of each start
};

struct Preview {
  /// Trials that end after about this share of their own budget.
  struct Length {
    double share = 0;
    double mean_resource = 0;
    std::int64_t trials = 0;
  };
  std::vector<Length> lengths;  // the shortest first
  std::int64_t trials = 0;      // with the repetitions of finalists
  double gpu_hours = 0;
  double finish_s = 0;      // after the start of the study
  std::string ends_by;      // why it ends, as the study will say
  bool is_endless = false;  // no limit but a target, if that: the figures are of its first part
  bool is_scaled = false;   // only a part was played, and the figures are scaled to the limit
};

/// What a study will take, before it starts: the study itself is played on a simulated clock with
/// settings at random and results that early ones foretell as well as Prospects expects, without
/// failures, preemption or a target that is reached early: at most this, if the facts hold.
///
/// Pure; equal calls give equal answers. At most 2,000 trials are played, a fraction of a second.
/// Errors: invalid_argument (as Study::open; seconds_per_resource not above 0; gpus too few).
Result<Preview> preview(StudySpec spec, const Space& space, const PreviewFacts& facts);

}  // namespace galley::hpo
