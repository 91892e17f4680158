#include "base/json.h"
#include "profiling/profile.h"

namespace galley::profiling {
namespace {

Json json_of(const Cell& cell) {
  if (const auto* number = std::get_if<double>(&cell)) return *number;
  if (const auto* words = std::get_if<std::string>(&cell)) return *words;
  return nullptr;
}

Json json_of(const Experiment& experiment) {
  Json columns = Json::array();
  for (const Column& column : experiment.columns)
    columns.push_back({{"name", column.name}, {"help", column.help}});
  Json rows = Json::array();
  for (const auto& row : experiment.rows) {
    Json cells = Json::array();
    for (const Cell& cell : row) cells.push_back(json_of(cell));
    rows.push_back(std::move(cells));
  }
  return {{"id", experiment.id},
          {"columns", std::move(columns)},
          {"rows", std::move(rows)},
          {"notes", experiment.notes}};
}

Json json_of(const ProfiledModel& model) {
  return {{"name", model.name},
          {"file", model.file},
          {"snapshot", model.snapshot},
          {"format", model.format},
          {"parameters", model.parameters},
          {"weight_bytes", model.weight_bytes},
          {"blocks", model.blocks},
          {"hidden", model.hidden},
          {"heads", model.heads},
          {"kv_heads", model.kv_heads},
          {"vocabulary", model.vocabulary},
          {"context", model.context},
          {"kv_bytes_per_token", model.kv_bytes_per_token}};
}

Json json_of(const ProfiledMachine& machine) {
  return {{"name", machine.name},
          {"device", machine.device},
          {"threads", machine.threads},
          {"devices", machine.devices},
          {"memory_bytes", machine.memory_bytes}};
}

}  // namespace

std::string print_profile(const Profile& profile) {
  Json experiments = Json::array();
  for (const Experiment& experiment : profile.experiments)
    experiments.push_back(json_of(experiment));
  return dump_json({{"kind", "profile"},
                    {"version", profile.version},
                    {"started_at", profile.started_at},
                    {"target", profile.target},
                    {"galley_version", profile.galley_version},
                    {"seed", profile.seed},
                    {"scale", profile.scale},
                    {"effort", profile.effort},
                    {"seconds", profile.seconds},
                    {"model", json_of(profile.model)},
                    {"machine", json_of(profile.machine)},
                    {"experiments", std::move(experiments)}});
}

}  // namespace galley::profiling
