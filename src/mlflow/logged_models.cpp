#include "logged_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "error_reply.h"
#include "print.h"
#include "service_impl.h"

namespace galley::mlflow {
namespace {

using store::Row;
using store::Transaction;

constexpr std::string_view kSelectModels =
    "select id, experiment_id, name, model_type, source_run, status, created_ms, updated_ms"
    " from logged_models where deleted_ms is null";

LoggedModel model_of(const Row& row) {
  return {.id = row.text(0),
          .experiment = row.integer(1),
          .name = row.text(2),
          .type = row.text(3),
          .source_run = row.text(4),
          .status = row.text(5),
          .created_ms = row.integer(6),
          .updated_ms = row.integer(7)};
}

/// Models by id, and the condition under which their rows are read: three reads, however many they
/// are.
struct Wanted {
  std::map<std::string, LoggedModel*, std::less<>> models;
  std::string condition;  // on model_id, with one parameter
  store::Value parameter;
};

Result<std::vector<Row>> read_rows_of(Transaction& transaction, const Wanted& wanted,
                                      std::string_view columns, std::string_view rest) {
  return transaction.query(
      fmt::format("select model_id, {} where {}{}", columns, wanted.condition, rest),
      {wanted.parameter});
}

Status add_details(Transaction& transaction, const Wanted& wanted) {
  const auto model_of_row = [&wanted](const Row& row) -> LoggedModel* {
    const auto found = wanted.models.find(row.text(0));
    return found == wanted.models.end() ? nullptr : found->second;
  };
  GALLEY_TRY(const auto pairs,
             read_rows_of(transaction, wanted, "kind, pair_key, value from logged_model_pairs",
                          " order by kind, pair_key"));
  for (const Row& row : pairs)
    if (LoggedModel* model = model_of_row(row))
      (row.text(1) == "param" ? model->params : model->tags).emplace_back(row.text(2), row.text(3));
  GALLEY_TRY(const auto metrics,
             read_rows_of(transaction, wanted,
                          "metric_key, dataset_name, dataset_digest, run_id, step, at_ms, value"
                          " from logged_model_metrics",
                          " order by metric_key, dataset_name, dataset_digest"));
  for (const Row& row : metrics) {
    LoggedModel* model = model_of_row(row);
    if (model == nullptr) continue;
    const double value = row.is_null(7) ? std::numeric_limits<double>::quiet_NaN() : row.real(7);
    Json shown = print_metric({row.text(1), row.integer(5), value, row.integer(6)});
    shown["model_id"] = model->id;
    shown["run_id"] = row.text(4);
    if (!row.text(2).empty()) shown["dataset_name"] = row.text(2);
    if (!row.text(3).empty()) shown["dataset_digest"] = row.text(3);
    model->metrics.emplace_back(row.text(1), value);
    model->shown_metrics.push_back(std::move(shown));
  }
  GALLEY_TRY(const auto versions,
             read_rows_of(transaction, wanted, "model, version from registered_versions",
                          " and deleted_ms is null order by model, version"));
  for (const Row& row : versions)
    if (LoggedModel* model = model_of_row(row))
      model->registrations.push_back(
          {{"name", row.text(1)}, {"version", std::to_string(row.integer(2))}});
  return ok();
}

Result<std::string> uri_of(Transaction& transaction, const LoggedModel& model) {
  GALLEY_TRY(const auto experiment, tracking::experiment_by_id(transaction, model.experiment));
  return artifact_uri(experiment, "models/" + model.id);
}

}  // namespace

Error no_model(std::string_view id) {
  return missing(fmt::format("Logged model with ID '{}' not found.", id.substr(0, 100)));
}

Result<LoggedModel> find_model(Transaction& transaction, const std::string& id) {
  GALLEY_TRY(const auto row,
             transaction.query_one(std::string(kSelectModels) + " and id = :1", {id}));
  if (!row) return no_model(id);
  LoggedModel model = model_of(*row);
  GALLEY_TRY_STATUS(add_details(transaction, {{{id, &model}}, "model_id = :1", id}));
  return model;
}

Result<std::vector<LoggedModel>> models_of(Transaction& transaction, std::int64_t experiment) {
  GALLEY_TRY(const auto rows,
             transaction.query(std::string(kSelectModels) +
                                   " and experiment_id = :1 order by created_ms desc, id",
                               {experiment}));
  std::vector<LoggedModel> models;
  for (const Row& row : rows) models.push_back(model_of(row));
  Wanted wanted{.models = {},
                .condition = "model_id in (select id from logged_models where experiment_id = :1)",
                .parameter = experiment};
  for (LoggedModel& model : models) wanted.models.emplace(model.id, &model);
  GALLEY_TRY_STATUS(add_details(transaction, wanted));
  return models;
}

Result<Json> print_model(Transaction& transaction, const LoggedModel& model) {
  Json info{{"model_id", model.id},
            {"experiment_id", std::to_string(model.experiment)},
            {"name", model.name},
            {"creation_timestamp_ms", model.created_ms},
            {"last_updated_timestamp_ms", model.updated_ms},
            {"status", model.status}};
  GALLEY_TRY(info["artifact_uri"], uri_of(transaction, model));
  if (!model.type.empty()) info["model_type"] = model.type;
  if (!model.source_run.empty()) info["source_run_id"] = model.source_run;
  if (!model.tags.empty()) info["tags"] = print_pairs(model.tags);
  if (!model.registrations.empty()) info["registrations"] = model.registrations;
  Json data = Json::object();
  if (!model.params.empty()) data["params"] = print_pairs(model.params);
  if (!model.shown_metrics.empty()) data["metrics"] = model.shown_metrics;
  return Json{{"info", std::move(info)}, {"data", std::move(data)}};
}

Result<bool> fulfils_all(const std::vector<Clause>& clauses, const LoggedModel& model) {
  const auto find = [](const std::vector<KeyValue>& pairs, const std::string& key) {
    const auto found = std::ranges::find(pairs, key, &KeyValue::first);
    return found == pairs.end() ? nullptr : &found->second;
  };
  for (const Clause& clause : clauses) {
    bool fits = false;
    if (clause.entity == Entity::param) {
      fits = fulfils(clause, find(model.params, clause.key));
    } else if (clause.entity == Entity::tag) {
      fits = fulfils(clause, find(model.tags, clause.key));
    } else if (clause.entity == Entity::metric) {
      fits = std::ranges::any_of(model.metrics, [&](const auto& metric) {
        return metric.first == clause.key && fulfils(clause, metric.second);
      });
    } else if (clause.key == "creation_timestamp" || clause.key == "creation_time") {
      fits = fulfils(clause, static_cast<double>(model.created_ms));
    } else {
      const std::string status = model.status.substr(std::string_view("LOGGED_MODEL_").size());
      const std::string* text = clause.key == "name"            ? &model.name
                                : clause.key == "model_id"      ? &model.id
                                : clause.key == "model_type"    ? &model.type
                                : clause.key == "status"        ? &status
                                : clause.key == "source_run_id" ? &model.source_run
                                                                : nullptr;
      if (text == nullptr)
        return fault(
            fmt::format("Invalid attribute '{}' of a logged model", clause.key.substr(0, 80)));
      fits = fulfils(clause, text);
    }
    if (!fits) return false;
  }
  return true;
}

Status sort_models(std::vector<LoggedModel>& models, const Json* orders) {
  if (orders == nullptr || !orders->is_array()) return ok();
  for (auto order = orders->rbegin(); order != orders->rend(); ++order) {
    if (!order->is_object()) return fault("order_by must be a list of objects");
    GALLEY_TRY(const auto field, text_in(*order, "field_name"));
    const auto ascending = order->find("ascending");
    const bool descending =
        ascending != order->end() && ascending->is_boolean() && !ascending->get<bool>();
    GALLEY_TRY(const Order parsed, parse_order(field));
    const auto before = [&](const LoggedModel& left, const LoggedModel& right) {
      if (parsed.entity == Entity::metric) {
        const auto value = [&](const LoggedModel& model) -> std::optional<double> {
          const auto at =
              std::ranges::find(model.metrics, parsed.key, &std::pair<std::string, double>::first);
          if (at == model.metrics.end() || at->second != at->second) return std::nullopt;
          return at->second;
        };
        const auto a = value(left);
        const auto b = value(right);
        if (!a || !b) return a.has_value() && !b.has_value();
        return descending ? *a > *b : *a < *b;
      }
      if (parsed.key == "name") return descending ? left.name > right.name : left.name < right.name;
      return descending ? left.created_ms > right.created_ms : left.created_ms < right.created_ms;
    };
    std::ranges::stable_sort(models, before);
  }
  return ok();
}

Status check_model(Transaction& transaction, const std::string& own_run, const std::string& model) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select source_run from logged_models where id = :1 and"
                                   " deleted_ms is null",
                                   {model}));
  if (own_run.empty()) return row ? ok() : Status(no_model(model));
  const auto source = row ? RunId::parse(row->text(0)) : Result<RunId>(no_model(model));
  if (source && check_run(transaction, own_run, *source)) return ok();
  return Error{Errc::forbidden, "the token of this job is good for the models of its own run only"};
}

Result<std::string> model_uri(Transaction& transaction, const std::string& model) {
  GALLEY_TRY(const auto found, find_model(transaction, model));
  return uri_of(transaction, found);
}

}  // namespace galley::mlflow
