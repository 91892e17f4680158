#pragma once

#include "base/clock.h"
#include "estimator/eta.h"
#include "protocol/job_eta.h"

namespace galley::estimates {

/// What is told of a run's remaining time. `priced`: the tracker knew what an hour costs. Pure.
protocol::JobEta view_eta(const estimator::EtaEstimate& estimate,
                          const estimator::Stability& stability, WallTime now, bool priced);

protocol::TargetEta view_target(const estimator::TargetEstimate& estimate, WallTime now);

}  // namespace galley::estimates
