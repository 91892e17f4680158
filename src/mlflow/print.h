#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "store/database.h"
#include "tracking/experiments.h"
#include "tracking/tracking.h"

namespace galley::mlflow {

inline constexpr std::string_view kRunNameTag = "mlflow.runName";
inline constexpr std::string_view kParentTag = "mlflow.parentRunId";
inline constexpr std::string_view kUserTag = "mlflow.user";

/// As protocol buffers print a double: a text where JSON has no number.
Json print_number(double value);
Json print_pairs(std::span<const tracking::KeyValue> pairs);
Json print_metric(const tracking::MetricPoint& point);
Json print_experiment(const tracking::Experiment& experiment);

/// RUNNING, FINISHED, FAILED, KILLED.
std::string_view status_word(tracking::RunState state);
/// Errors: invalid_argument.
Result<tracking::RunState> parse_status(std::string_view word);

/// The folder of a run's artifacts, as clients address it.
std::string artifact_uri(const tracking::Experiment& experiment, const std::string& run);

/// Runs as answers show them, with their experiments' numbers and what they read and made.
/// Errors: those of reading.
Result<std::vector<Json>> print_runs(store::Transaction& transaction,
                                     std::span<const tracking::RunRecord> records);
Result<Json> print_run_info(store::Transaction& transaction, const tracking::Run& run);

}  // namespace galley::mlflow
