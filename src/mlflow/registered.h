#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "store/database.h"
#include "tracking/records.h"

namespace galley::mlflow {

using tracking::KeyValue;

// The model registry as MLflow knows it: names with versions, stages, aliases and tags.

struct RegisteredVersion {
  std::string model;
  std::int64_t version = 0;
  std::string source;
  std::string run_id;
  std::string run_link;
  std::string model_id;
  std::string description;
  std::string stage;  // None, Staging, Production or Archived
  std::string user;
  std::string snapshot_id;  // ours with the same content; empty: the content is not here
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::vector<KeyValue> tags{};
  std::vector<std::string> aliases{};
};

struct RegisteredModel {
  std::string name;
  std::string description;
  std::string user;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::vector<KeyValue> tags{};
  std::vector<std::pair<std::string, std::int64_t>> aliases{};
  std::vector<RegisteredVersion> latest{};  // the newest of each stage
};

inline constexpr std::string_view kNoStage = "None";

/// Errors of both: not_found.
Result<RegisteredModel> find_registered(store::Transaction& transaction, const std::string& name);
Result<RegisteredVersion> find_version(store::Transaction& transaction, const std::string& name,
                                       std::int64_t version);
/// By name.
Result<std::vector<RegisteredModel>> all_registered(store::Transaction& transaction);
/// Of one model where the name is not empty, newest first.
Result<std::vector<RegisteredVersion>> all_versions(store::Transaction& transaction,
                                                    const std::string& name);

/// A version of 0 is the model itself. Absent: the tag goes.
Status write_registered_tag(store::Transaction& transaction, const std::string& name,
                            std::int64_t version, const std::string& key,
                            const std::optional<std::string>& value);
Status touch_registered(store::Transaction& transaction, const std::string& name, WallTime at);

Json print_registered(const RegisteredModel& model);
Json print_version(const RegisteredVersion& version);

}  // namespace galley::mlflow
