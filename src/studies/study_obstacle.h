#pragma once

#include <string>

#include "base/result.h"
#include "hpo/tuning_share.h"
#include "protocol/guide.h"
#include "protocol/ids.h"
#include "shelf.h"

namespace galley::studies {

/// Why no trial runs, when the study is given no GPU at all.
Obstacle no_gpus_left(const hpo::ShareFacts& facts);
/// When a trial's job was not accepted.
Obstacle refused_job(const Error& error);
/// When its job waits like any other.
Obstacle waiting_job(const protocol::WhyRecord& why);

/// The job that waits longest, when none of the study's trials runs; empty when one does, or none
/// has a job. The study's mutex is held. O(trials).
std::string job_that_waits(const Shelved& study);
/// Whether trials are wanted and none runs. The study's mutex is held. O(trials).
bool stands_still(const Shelved& study);

}  // namespace galley::studies
