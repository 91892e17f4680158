#include "trial_job.h"

#include <fmt/format.h>

#include <algorithm>

namespace galley::studies {
namespace {

constexpr const char* kCheckpointPlace = "{checkpoint}";

using Settings = std::map<std::string, std::string, std::less<>>;

std::string filled_in(std::string_view text, const Settings& settings) {
  std::string out;
  while (true) {
    const std::size_t open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) return out;
    text.remove_prefix(open);
    const std::size_t close = text.find('}');
    const auto setting =
        close == std::string_view::npos ? settings.end() : settings.find(text.substr(1, close - 1));
    if (setting == settings.end()) {
      out += '{';
      text.remove_prefix(1);
    } else {
      out += setting->second;
      text.remove_prefix(close + 1);
    }
  }
}

}  // namespace

std::string setting_text(const Json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return value.get<std::string>();
  return dump_json(value);
}

protocol::JobSpec job_of_trial(const protocol::JobSpec& job, const StudyRecord& study,
                               const Order& order) {
  Settings settings;
  // What a trial does not have is an empty word, as in a shell.
  const auto all = study.file.find("h_params");
  if (all != study.file.end())
    for (const auto& [name, unused] : all->items()) settings[name] = {};
  for (const auto& [name, value] : order.params.items()) settings[name] = setting_text(value);
  // Where it lies is known once a node has it: the agent puts it in.
  const bool begins = order.checkpoint.empty() && !job.checkpoint;
  const Settings own{{"trial", std::to_string(order.trial)},
                     {"seed", std::to_string(order.seed)},
                     {"budget", fmt::format("{}", order.budget)},
                     {"checkpoint", begins ? "" : std::string(kCheckpointPlace)}};
  settings.insert(own.begin(), own.end());  // a setting of that name goes before

  protocol::JobSpec trial = job;
  for (std::string& word : trial.command) word = filled_in(word, settings);
  for (auto& [name, value] : trial.env) value = filled_in(value, settings);
  if (trial.workdir) trial.workdir = filled_in(*trial.workdir, settings);
  // Trials that run in one folder need event files of their own.
  if (trial.metrics && trial.metrics->tensorboard)
    trial.metrics->tensorboard = filled_in(*trial.metrics->tensorboard, settings);
  trial.name = fmt::format("{}/{}", study.name, order.trial);
  trial.team = study.team;
  trial.parent = study.id.str();
  trial.env["GALLEY_STUDY"] = study.id.str();
  trial.env["GALLEY_TRIAL"] = own.at("trial");
  trial.env["GALLEY_TRIAL_SEED"] = own.at("seed");
  trial.env["GALLEY_TRIAL_BUDGET"] = own.at("budget");
  trial.env["GALLEY_TRIAL_CHECKPOINT"] = order.checkpoint.empty() ? "" : kCheckpointPlace;
  if (!order.checkpoint.empty()) trial.checkpoint = order.checkpoint;
  trial.env["GALLEY_PARAMS"] = dump_json(order.params);
  return trial;
}

}  // namespace galley::studies
