// Studies of hyperparameters: begin, follow, compare, take home.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <thread>

#include "base/units.h"
#include "commands.h"
#include "fields.h"
#include "interrupts.h"
#include "progress.h"
#include "spec_file.h"
#include "study_text.h"
#include "tune_file.h"
#include "watch.h"

namespace galley::cli {
namespace {

constexpr std::chrono::milliseconds kLookAtStudy{500};

bool study_ended(const Json& study) {
  const std::string state = text_of(study, "state");
  return state == "finished" || state == "stopped";
}

void print_end(Session& session, const Json& study) {
  const Json& best = child_of(study, "best");
  session.note(fmt::format("{} {}: {} trials, {}", text_of(study, "name"), text_of(study, "state"),
                           count_of(study, "trials"), text_of(study, "reason")));
  if (!best.is_object()) {
    const auto trials = session.get("/api/v1/studies/" + text_of(study, "id") + "/trials");
    const Json items = trials ? items_of(*trials) : Json::array();
    session.note(nothing_text(study, items));
    for (const Json& trial : items)
      if (text_of(trial, "state") == "failed" && trial.contains("job_id"))
        return session.note(
            fmt::format("`galley logs {}` shows what it printed", text_of(trial, "job_id")));
    return;
  }
  session.note(best_text(study));
  print_out(dump_json(child_of(best, "params")) + "\n");
}

Result<int> follow_study(Session& session, const std::string& id) {
  const Interrupts interrupts([&](int) {
    print_note(fmt::format("\n{} goes on; `galley studies stop {}` ends it\n", id, id));
    exit_interrupted();
  });
  Progress bar("tuning", session.terminal.err_is_terminal && !session.flags.json);
  Patience patience(session);
  std::string told, seen, waits;
  while (true) {
    const auto study = session.get("/api/v1/studies/" + id);
    if (!study) {
      GALLEY_TRY_STATUS(patience.bear(study.error()));
      continue;
    }
    patience.renew();
    const Json& pools = child_of(*study, "pools");
    const auto done = static_cast<double>(count_of(pools, "ended") + count_of(pools, "dead"));
    const auto most = count_of(*study, "max_trials");
    const std::string best = best_text(*study);
    // Once it has lasted for two looks: nodes come, and people's jobs end.
    const std::string obstacle = obstacle_text(*study);
    if (obstacle == seen && obstacle != waits) {
      waits = obstacle;
      if (!waits.empty() && !session.flags.json) session.note("no trial runs: " + waits);
    }
    seen = obstacle;
    bar.show(most > 0 ? std::min(1.0, done / static_cast<double>(most)) : 0,
             fmt::format("{} ended, {} live, {}", static_cast<std::int64_t>(done),
                         count_of(pools, "live"), best));
    if (!session.terminal.err_is_terminal && !session.flags.json && best != told &&
        child_of(*study, "best").is_object())
      session.note(best);
    told = best;
    if (study_ended(*study)) {
      if (session.flags.json)
        session.print_json(*study);
      else
        print_end(session, *study);
      return child_of(*study, "best").is_object() ? 0 : 1;
    }
    std::this_thread::sleep_for(kLookAtStudy);
  }
}

Result<int> tune(Session& session, const TuneOptions& options) {
  GALLEY_TRY(const SpecFile file, study_of_file(options));
  const auto made = session.post("/api/v1/studies", file.json);
  if (!made) return locate(file, made.error());
  const std::string id = text_of(*made, "id");
  const bool has_job = made->value("has_job", false);
  session.note(fmt::format("{} ({})", id, text_of(*made, "reason")));
  if (options.detach || !has_job) {
    if (session.flags.json)
      session.print_json(*made);
    else
      print_out(id + "\n");
    if (!has_job)
      session.note(
          fmt::format("its trials are asked for: POST /api/v1/studies/{}/ask, then …/tell; "
                      "with `-- PROGRAM` they are run as jobs",
                      id));
    return 0;
  }
  return follow_study(session, id);
}

/// JSON's objects are sorted by name: what the lines say is told beside them.
void note_order(SpecFile& file) {
  const Json& params = child_of(file.json, "h_params");
  if (!params.is_object() || file.json.contains("axes")) return;
  std::vector<std::pair<int, std::string>> places;
  for (const auto& [name, unused] : params.items()) {
    const auto line = file.lines.find("h_params." + name);
    if (line == file.lines.end()) return;
    places.emplace_back(line->second, name);
  }
  if (std::ranges::is_sorted(places)) return;
  std::ranges::sort(places);
  for (auto& [line, name] : places) file.json["axes"].push_back(std::move(name));
}

}  // namespace

Result<SpecFile> study_of_file(const TuneOptions& options) {
  GALLEY_TRY(SpecFile file, read_spec_file(options.file));
  if (!file.json.is_object()) return file;  // the server says what is wrong with it
  if (!options.name.empty()) file.json["name"] = options.name;
  if (!file.json.contains("name"))
    file.json["name"] = std::filesystem::path(options.file).stem().string();
  if (!options.team.empty()) file.json["team"] = options.team;
  note_order(file);
  if (!options.warm_start.empty()) {
    Json names = Json::array();
    if (const auto found = file.json.find("warm_start"); found != file.json.end())
      names = found->is_array() ? *found : Json::array({*found});
    for (const std::string& name : options.warm_start) names.push_back(name);
    file.json["warm_start"] = std::move(names);
  }
  if (!options.after_dashes.empty()) {
    if (!file.json["job"].is_object()) file.json["job"] = Json::object();
    file.json["job"]["command"] = options.after_dashes;
  }
  if (!file.json.contains("job") || !file.json["job"].is_object()) return file;
  Json& job = file.json["job"];
  // As `galley run` does: trials run where the command was typed.
  if (!job.contains("image") && !job.contains("workdir")) {
    std::error_code error;
    const auto folder = std::filesystem::current_path(error);
    if (error) return system_error("cannot tell the current folder", error.value());
    job["workdir"] = folder.string();
  }
  Json& resources = job["resources"];
  if (!resources.is_object()) resources = Json::object();
  if (options.gpus >= 0) resources["gpus"] = options.gpus;
  if (options.cpus > 0) resources["cpus"] = options.cpus;
  if (!options.memory.empty()) resources["memory"] = options.memory;
  return file;
}

void add_tune_commands(std::vector<Command>& commands, Session& session) {
  const auto wanted = std::make_shared<TuneOptions>();
  auto children = study_result_commands(session);
  children.insert(children.begin(), study_preview_command(session));
  children.push_back(study_merge_command(session));
  commands.push_back(
      {.name = "tune",
       .help = "Search hyperparameters on idle GPUs, as a study file says",
       .group = kJobGroup,
       .examples = {"galley tune study.json -- ./train.sh --lr {lr} --depth {depth}",
                    "galley tune study.json --gpus 1 --detach -- python3 train.py",
                    "galley tune preview study.json", "galley tune top STUDY",
                    "galley tune importance STUDY", "galley tune export STUDY > trials.csv"},
       .define = [&session, wanted](Options& options) -> Action {
         options.positional("FILE", wanted->file, "Study, JSON or YAML; docs/hpo.md")
             .text("--name", wanted->name, "NAME", "Of the study; the file's when absent")
             .text("--team", wanted->team, "TEAM", "Who pays for it")
             .number("--gpus", wanted->gpus, "N", "GPUs of each trial")
             .number("--cpus", wanted->cpus, "N", "Processors of each trial")
             .text("--memory", wanted->memory, "SIZE", "Of each trial, such as 8GiB")
             .texts("--warm-start", wanted->warm_start, "STUDY",
                    "Begin with what this study has found; several times")
             .flag("--detach", wanted->detach, "Begin it and return");
         return [&session, wanted] { return tune(session, *wanted); };
       },
       .children = std::move(children),
       .takes_words = true,
       .after_dashes = &wanted->after_dashes});
}

}  // namespace galley::cli
