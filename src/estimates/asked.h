#pragma once

#include <optional>

#include "base/json.h"
#include "base/result.h"
#include "estimator/request.h"
#include "protocol/job_spec.h"

namespace galley::estimates {

/// A question as the API takes it.
struct Asked {
  estimator::EstimateRequest request;
  std::optional<protocol::JobSpec> job;
  std::optional<Error> unsaid{};  // of a job: why nothing can be computed from its words
  bool cluster = true;            // the site's own GPUs are configurations
  bool prices = false;            // those of the shipped list are
  bool spot = false;
};

/// Errors: invalid_argument with the path of the field.
Result<Asked> read_asked(const Json& question);

/// Whether the length of the training and its network are told, so that a runtime can be computed.
bool can_estimate(const estimator::EstimateRequest& request);

}  // namespace galley::estimates
