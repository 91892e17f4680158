#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tracking/log_batch.h"
#include "tracking/records.h"

namespace galley::mlflow {

// What MLflow's clients are held to.
inline constexpr std::size_t kMaxParamBytes = 6000;
inline constexpr std::size_t kMaxTagBytes = 8000;

/// Keys of metrics, parameters and tags: letters, digits and _-./: and spaces, and no path that
/// means another one ("a//b", "../a"). Errors: invalid_argument.
Status check_name(std::string_view what, std::string_view name);
Status check_params(const std::vector<tracking::KeyValue>& params);
Status check_tags(const std::vector<tracking::KeyValue>& tags);
/// All keys of a call, and the lengths of its values.
Status check_batch(const tracking::LogBatch& batch);

}  // namespace galley::mlflow
