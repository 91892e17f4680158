#include "print.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "error_reply.h"

namespace galley::mlflow {
namespace {

using store::Row;
using store::Transaction;
using store::Value;
using tracking::Experiment;
using tracking::Run;
using tracking::RunRecord;

constexpr std::array<std::string_view, 4> kStatusWords{"RUNNING", "FINISHED", "FAILED", "KILLED"};
constexpr std::size_t kRunsAtOnce = 200;

/// Experiments by the names that runs have for them, each looked up once.
class ExperimentsOfRuns {
 public:
  explicit ExperimentsOfRuns(Transaction& transaction) : transaction_(transaction) {}

  Result<const Experiment*> of(const std::string& name) {
    if (const auto known = known_.find(name); known != known_.end()) return &known->second;
    auto found = name.empty() ? Result<Experiment>(missing(""))
                              : tracking::experiment_by_name(transaction_, name);
    // Runs of a program from before experiments were recorded.
    if (!found && found.error().code == Errc::not_found)
      found = tracking::experiment_by_id(transaction_, tracking::kDefaultExperiment);
    if (!found) return found.error();
    return &known_.emplace(name, *std::move(found)).first->second;
  }

 private:
  Transaction& transaction_;
  std::map<std::string, Experiment> known_;
};

Json info_of(const Run& run, const Experiment& experiment) {
  Json info{{"run_id", run.id.str()},
            {"run_uuid", run.id.str()},
            {"run_name", run.name},
            {"experiment_id", std::to_string(experiment.id)},
            {"user_id", run.user},
            {"status", status_word(run.state)},
            {"start_time", to_ms(run.created)},
            {"artifact_uri", artifact_uri(experiment, run.id.str())},
            {"lifecycle_stage", run.deleted ? "deleted" : "active"}};
  if (run.ended) info["end_time"] = to_ms(*run.ended);
  return info;
}

Json data_of(const RunRecord& record) {
  Json metrics = Json::array();
  for (const auto& point : record.metrics) metrics.push_back(print_metric(point));
  Json tags = print_pairs(record.tags);
  // Kept once, as the run's name and user.
  const auto add = [&](std::string_view key, const std::string& value) {
    const bool told =
        std::ranges::find(record.tags, key, &tracking::KeyValue::first) != record.tags.end();
    if (!told && !value.empty()) tags.push_back({{"key", key}, {"value", value}});
  };
  add(kRunNameTag, record.run.name);
  add(kUserTag, record.run.user);
  Json data = Json::object();
  if (!metrics.empty()) data["metrics"] = std::move(metrics);
  if (!record.params.empty()) data["params"] = print_pairs(record.params);
  if (!tags.empty()) data["tags"] = std::move(tags);
  return data;
}

/// What the runs of one part have read and made.
Status add_lineage(Transaction& transaction, std::span<const RunRecord> part,
                   std::map<std::string, Json>& inputs, std::map<std::string, Json>& outputs) {
  std::vector<Value> parameters;
  std::string list = "(";
  for (const RunRecord& one : part) {
    parameters.emplace_back(one.run.id.str());
    list += (parameters.size() > 1 ? ", :" : ":") + std::to_string(parameters.size());
  }
  list += ")";
  GALLEY_TRY(const auto datasets,
             transaction.query("select run_id, name, digest, source_type, source, data_schema,"
                               " profile, tags from run_datasets where run_id in " +
                                   list + " order by run_id, name, digest",
                               parameters));
  for (const Row& row : datasets) {
    Json dataset{{"name", row.text(1)},
                 {"digest", row.text(2)},
                 {"source_type", row.text(3)},
                 {"source", row.text(4)}};
    if (!row.text(5).empty()) dataset["schema"] = row.text(5);
    if (!row.text(6).empty()) dataset["profile"] = row.text(6);
    Json tags = Json::parse(row.text(7), nullptr, false);
    Json input{{"dataset", std::move(dataset)}};
    if (tags.is_array() && !tags.empty()) input["tags"] = std::move(tags);
    inputs[row.text(0)]["dataset_inputs"].push_back(std::move(input));
  }
  GALLEY_TRY(const auto models,
             transaction.query("select run_id, direction, model_id, step from run_models"
                               " where run_id in " +
                                   list + " order by run_id, direction, model_id",
                               std::move(parameters)));
  for (const Row& row : models) {
    if (row.text(1) == "input")
      inputs[row.text(0)]["model_inputs"].push_back({{"model_id", row.text(2)}});
    else
      outputs[row.text(0)]["model_outputs"].push_back(
          {{"model_id", row.text(2)}, {"step", row.integer(3)}});
  }
  return ok();
}

}  // namespace

Json print_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json print_pairs(std::span<const tracking::KeyValue> pairs) {
  Json list = Json::array();
  for (const auto& [key, value] : pairs) list.push_back({{"key", key}, {"value", value}});
  return list;
}

Json print_metric(const tracking::MetricPoint& point) {
  return {{"key", point.key},
          {"value", print_number(point.value)},
          {"timestamp", point.at_ms},
          {"step", point.step}};
}

Json print_experiment(const Experiment& experiment) {
  Json printed{{"experiment_id", std::to_string(experiment.id)},
               {"name", experiment.name},
               {"artifact_location", experiment.artifact_location.empty()
                                         ? fmt::format("mlflow-artifacts:/{}", experiment.id)
                                         : experiment.artifact_location},
               {"lifecycle_stage", experiment.deleted ? "deleted" : "active"},
               {"creation_time", to_ms(experiment.created)},
               {"last_update_time", to_ms(experiment.updated)}};
  if (!experiment.tags.empty()) printed["tags"] = print_pairs(experiment.tags);
  return printed;
}

std::string_view status_word(tracking::RunState state) {
  return kStatusWords[static_cast<std::size_t>(state)];
}

Result<tracking::RunState> parse_status(std::string_view word) {
  // A run that somebody means to begin later is not known here; it has begun when it reports.
  if (word == "SCHEDULED") return tracking::RunState::running;
  const auto* const found = std::ranges::find(kStatusWords, word);
  if (found != kStatusWords.end())
    return static_cast<tracking::RunState>(found - kStatusWords.begin());
  return fault(
      fmt::format("Invalid value for parameter 'status' supplied: '{}'; expected RUNNING,"
                  " SCHEDULED, FINISHED, FAILED or KILLED",
                  word.substr(0, 40)));
}

std::string artifact_uri(const Experiment& experiment, const std::string& run) {
  const std::string root = experiment.artifact_location.empty()
                               ? fmt::format("mlflow-artifacts:/{}", experiment.id)
                               : experiment.artifact_location;
  return fmt::format("{}{}{}/artifacts", root, root.ends_with('/') ? "" : "/", run);
}

Result<std::vector<Json>> print_runs(Transaction& transaction, std::span<const RunRecord> records) {
  ExperimentsOfRuns experiments(transaction);
  std::vector<Json> printed;
  printed.reserve(records.size());
  for (std::size_t at = 0; at < records.size(); at += kRunsAtOnce) {
    const auto part = records.subspan(at, std::min(kRunsAtOnce, records.size() - at));
    std::map<std::string, Json> inputs;
    std::map<std::string, Json> outputs;
    GALLEY_TRY_STATUS(add_lineage(transaction, part, inputs, outputs));
    for (const RunRecord& record : part) {
      const std::string& id = record.run.id.str();
      GALLEY_TRY(const Experiment* experiment, experiments.of(record.run.experiment));
      printed.push_back({{"info", info_of(record.run, *experiment)},
                         {"data", data_of(record)},
                         {"inputs", inputs.contains(id) ? inputs[id] : Json::object()},
                         {"outputs", outputs.contains(id) ? outputs[id] : Json::object()}});
    }
  }
  return printed;
}

Result<Json> print_run_info(Transaction& transaction, const Run& run) {
  ExperimentsOfRuns experiments(transaction);
  GALLEY_TRY(const Experiment* experiment, experiments.of(run.experiment));
  return info_of(run, *experiment);
}

}  // namespace galley::mlflow
