#include <fmt/format.h>

#include "error_reply.h"
#include "names.h"
#include "service_impl.h"

namespace galley::mlflow {
namespace {

using store::Transaction;

constexpr std::size_t kMaxInputs = 1000;
constexpr std::size_t kMaxSchemaBytes = 1 << 20;
constexpr std::string_view kModelHistoryTag = "mlflow.log-model.history";

struct DatasetInput {
  std::string name;
  std::string digest;
  std::string source_type;
  std::string source;
  std::string schema;
  std::string profile;
  std::string tags;
  std::string context;
};

Result<DatasetInput> dataset_of(const Json& input) {
  const auto found = input.is_object() ? input.find("dataset") : input.end();
  if (found == input.end() || !found->is_object()) return required("dataset");
  DatasetInput one;
  GALLEY_TRY(one.name, text_in(*found, "name"));
  GALLEY_TRY(one.digest, text_in(*found, "digest"));
  GALLEY_TRY(one.source_type, text_in(*found, "source_type"));
  GALLEY_TRY(one.source, text_in(*found, "source"));
  GALLEY_TRY(one.schema, text_in(*found, "schema"));
  GALLEY_TRY(one.profile, text_in(*found, "profile"));
  if (one.name.empty()) return required("name");
  if (one.digest.empty()) return required("digest");
  if (one.name.size() > 500 || one.digest.size() > 36 || one.source.size() > kMaxSchemaBytes ||
      one.schema.size() > kMaxSchemaBytes || one.profile.size() > 16 * kMaxSchemaBytes)
    return fault("a data set's name, digest, source, schema or profile is too long");
  Json tags = Json::array();
  if (const auto list = input.find("tags"); list != input.end() && list->is_array())
    for (const Json& tag : *list) {
      if (!tag.is_object()) return fault("the tags of a data set are no objects");
      GALLEY_TRY(auto key, text_in(tag, "key"));
      GALLEY_TRY(auto value, text_in(tag, "value"));
      if (key == "mlflow.data.context" || key == "context") one.context = value;
      tags.push_back({{"key", std::move(key)}, {"value", std::move(value)}});
    }
  one.tags = dump_json(tags);
  return one;
}

Status write_dataset(Transaction& transaction, const RunId& run, const DatasetInput& one) {
  return transaction.enqueue(
      "insert into run_datasets (run_id, name, digest, source_type, source, data_schema, profile,"
      " tags, context) values (:1, :2, :3, :4, :5, :6, :7, :8, :9)"
      " on conflict (run_id, name, digest) do update set tags = excluded.tags,"
      " context = excluded.context",
      {run.str(), one.name, one.digest, one.source_type, one.source, one.schema, one.profile,
       one.tags, one.context});
}

/// The objects of a list that may be absent.
Result<std::vector<Json>> objects(const Call& call, std::string_view name) {
  std::vector<Json> found;
  const Json* list = call.member(name);
  if (list == nullptr) return found;
  if (!list->is_array() || list->size() > kMaxInputs)
    return fault(fmt::format("'{}' must be a list of at most {} objects", name, kMaxInputs));
  for (const Json& one : *list) {
    if (!one.is_object()) return fault(fmt::format("'{}' must be a list of objects", name));
    found.push_back(one);
  }
  return found;
}

Status write_models(Transaction& transaction, const RunId& run, const std::vector<Json>& models,
                    std::string_view direction) {
  for (const Json& model : models) {
    GALLEY_TRY(const auto id, text_in(model, "model_id"));
    GALLEY_TRY(const auto step, integer_in(model, "step", 0));
    if (id.empty()) return required("model_id");
    if (id.size() > 64) return fault("a model's id is too long");
    GALLEY_TRY_STATUS(transaction.enqueue(
        "insert into run_models (run_id, direction, model_id, step) values (:1, :2, :3, :4)"
        " on conflict (run_id, direction, model_id) do update set step = excluded.step",
        {run.str(), std::string(direction), id, step}));
  }
  return ok();
}

Result<Reply> log_inputs(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto run, call.run());
  GALLEY_TRY(const auto inputs, objects(call, "datasets"));
  GALLEY_TRY(const auto models, objects(call, "models"));
  std::vector<DatasetInput> datasets;
  for (const Json& input : inputs) {
    GALLEY_TRY(auto one, dataset_of(input));
    datasets.push_back(std::move(one));
  }
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_active_run(transaction, call.own_run(), run));
    for (const DatasetInput& one : datasets)
      GALLEY_TRY_STATUS(write_dataset(transaction, run, one));
    return write_models(transaction, run, models, "input");
  }));
  return Reply{};
}

Result<Reply> log_outputs(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto run, call.run());
  GALLEY_TRY(const auto models, objects(call, "models"));
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_active_run(transaction, call.own_run(), run));
    return write_models(transaction, run, models, "output");
  }));
  return Reply{};
}

/// Clients of version 2 keep what they have logged in a tag, the newest last.
Result<Reply> log_model(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto run, call.run());
  GALLEY_TRY(const auto text, call.text("model_json"));
  const auto model = parse_json(text);
  if (!model || !model->is_object()) return fault("Malformed model info: it is no JSON object");
  for (const char* name : {"artifact_path", "flavors", "utc_time_created", "run_id"})
    if (!model->contains(name))
      return fault(fmt::format("Model json is missing mandatory fields: {}", name));
  const WallTime now = service.now();
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_active_run(transaction, call.own_run(), run));
    GALLEY_TRY(const auto row,
               transaction.query_one("select value from run_tags where run_id = :1 and"
                                     " tag_key = :2",
                                     {run.str(), std::string(kModelHistoryTag)}));
    Json history = row ? Json::parse(row->text(0), nullptr, false) : Json::array();
    if (!history.is_array()) history = Json::array();
    history.push_back(*model);
    while (history.size() > 1 && dump_json(history).size() > kMaxTagBytes)
      history.erase(history.begin());
    const KeyValue tag{std::string(kModelHistoryTag), dump_json(history)};
    if (tag.second.size() > kMaxTagBytes) return ok();  // the file itself says all
    return tracking::set_tags(transaction, run, std::span(&tag, 1), now);
  }));
  return Reply{};
}

}  // namespace

std::vector<Line> lineage_lines() {
  using enum Effect;
  return {{"POST",
           "/runs/log-inputs",
           "MLflow: the data sets and models that a run has read.",
           log_inputs,
           stream,
           {},
           true},
          {"POST",
           "/runs/outputs",
           "MLflow: the models that a run has made.",
           log_outputs,
           stream,
           {},
           true},
          {"POST",
           "/runs/log-model",
           "MLflow: a model that a run has logged.",
           log_model,
           stream,
           {},
           true}};
}

}  // namespace galley::mlflow
