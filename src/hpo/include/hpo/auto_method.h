#pragma once

#include <cstdint>
#include <string>

#include "hpo/space.h"
#include "hpo/study_spec.h"

namespace galley::hpo {

/// What `auto` is chosen by.
struct AutoFacts {
  std::int64_t at_once = 1;             // trials that the study can expect to run
  std::int64_t reports_of_a_trial = 1;  // within a budget; 1: only the result
  bool writes_checkpoints = true;       // a stopped trial can go on
};

struct AutoChoice {
  StudySpec spec;   // with the sampler and the pace filled in
  std::string why;  // a sentence without its full stop
};

/// Replaces `auto` by methods; a spec that names its methods comes back as it is. The rules and
/// the measurement behind them are in docs/hpo.md. Pure.
AutoChoice choose_method(StudySpec spec, const Space& space, const AutoFacts& facts);

}  // namespace galley::hpo
