#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/database.h"
#include "tracking/records.h"

namespace galley::tracking {

/// What groups runs. Runs name it; its number is for clients that want one.
struct Experiment {
  std::int64_t id = 0;
  std::string name;
  std::string artifact_location;  // as its maker wished; empty: ours
  WallTime created{};
  WallTime updated{};
  std::optional<WallTime> deleted{};  // it can come back
  std::vector<KeyValue> tags{};       // by key
};

/// Runs that name no experiment belong to this one, which is always there.
inline constexpr std::int64_t kDefaultExperiment = 0;

/// The names by which runs belong to the experiment: its own, and none at all for the default one.
std::vector<std::string> run_experiments(const Experiment& experiment);

// All run in the caller's transaction. Errors where nothing else is said: not_found.

/// Before something refers to the default experiment, which has no row until then.
Status keep_default_experiment(store::Transaction& transaction);
/// Makes the record of an experiment that a run names for the first time.
Status ensure_experiment(store::Transaction& transaction, const std::string& name, WallTime at);
/// Errors: conflict (the name is taken), invalid_argument, too_large (name, tags).
Result<Experiment> create_experiment(store::Transaction& transaction, const std::string& name,
                                     const std::string& artifact_location,
                                     const std::vector<KeyValue>& tags, WallTime at);
Result<Experiment> experiment_by_id(store::Transaction& transaction, std::int64_t id);
Result<Experiment> experiment_by_name(store::Transaction& transaction, std::string_view name);
/// All of them, deleted ones included, newest number first.
Result<std::vector<Experiment>> all_experiments(store::Transaction& transaction);
/// Its runs follow. Errors: conflict (the name is taken), invalid_argument (the default one).
Status rename_experiment(store::Transaction& transaction, const Experiment& experiment,
                         const std::string& name, WallTime at);
/// Hides it with its runs, or brings both back. Errors: invalid_argument (the default one).
Status delete_experiment(store::Transaction& transaction, const Experiment& experiment,
                         bool deleted, WallTime at);
/// Absent: the tag goes. Errors: invalid_argument, too_large.
Status set_experiment_tag(store::Transaction& transaction, std::int64_t experiment,
                          const std::string& key, const std::optional<std::string>& value,
                          WallTime at);

}  // namespace galley::tracking
