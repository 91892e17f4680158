#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "filter.h"
#include "store/database.h"
#include "tracking/records.h"

namespace galley::mlflow {

using tracking::KeyValue;

// The models that runs log, of MLflow 3.

struct LoggedModel {
  std::string id;
  std::int64_t experiment = 0;
  std::string name;
  std::string type;
  std::string source_run;
  std::string status;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::vector<KeyValue> params{};
  std::vector<KeyValue> tags{};
  std::vector<std::pair<std::string, double>> metrics{};
  Json shown_metrics = Json::array();
  Json registrations = Json::array();
};

Error no_model(std::string_view id);
/// Errors: not_found.
Result<LoggedModel> find_model(store::Transaction& transaction, const std::string& id);
/// Of one experiment, newest first, with all that is known of them.
Result<std::vector<LoggedModel>> models_of(store::Transaction& transaction,
                                           std::int64_t experiment);
Result<Json> print_model(store::Transaction& transaction, const LoggedModel& model);
/// Errors: invalid_argument (an attribute that models lack).
Result<bool> fulfils_all(const std::vector<Clause>& clauses, const LoggedModel& model);
/// By [{"field_name", "ascending"}, …]; null is no order. Errors: invalid_argument.
Status sort_models(std::vector<LoggedModel>& models, const Json* orders);

/// Whether who asks may touch the model. Errors: not_found, forbidden.
Status check_model(store::Transaction& transaction, const std::string& own_run,
                   const std::string& model);
/// The folder of its artifacts, as clients address it. Errors: not_found.
Result<std::string> model_uri(store::Transaction& transaction, const std::string& model);

}  // namespace galley::mlflow
