// Studies of hyperparameters: begin, follow, compare, take home.
#include <fmt/format.h>

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
#include "watch.h"

namespace galley::cli {
namespace {

constexpr std::chrono::milliseconds kLookAtStudy{500};

struct TuneOptions {
  std::string file;
  std::string name;
  std::string team;
  std::string memory;
  std::int64_t gpus = -1;
  std::int64_t cpus = 0;
  std::vector<std::string> after_dashes;
  bool detach = false;
};

/// The study as it is sent: the file, with what the command line adds.
Result<SpecFile> study_of_file(const TuneOptions& options) {
  GALLEY_TRY(SpecFile file, read_spec_file(options.file));
  if (!file.json.is_object()) return file;  // the server says what is wrong with it
  if (!options.name.empty()) file.json["name"] = options.name;
  if (!file.json.contains("name"))
    file.json["name"] = std::filesystem::path(options.file).stem().string();
  if (!options.team.empty()) file.json["team"] = options.team;
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

Result<double> positive_number(const std::string& option, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (!text.empty() && *end == '\0' && std::isfinite(value) && value > 0) return value;
  return Error{
      Errc::invalid_argument, fmt::format("{}: found '{}'", option, text), {}, "a number above 0"};
}

bool study_ended(const Json& study) {
  const std::string state = text_of(study, "state");
  return state == "finished" || state == "stopped";
}

void print_end(const Session& session, const Json& study) {
  const Json& best = child_of(study, "best");
  session.note(fmt::format("{} {}: {} trials, {}", text_of(study, "name"), text_of(study, "state"),
                           count_of(study, "trials"), text_of(study, "reason")));
  if (!best.is_object()) return session.note("no trial reported its measure");
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
  std::string told;
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

struct PreviewOptions {
  TuneOptions study;
  std::string seconds;
  std::string price;
};

Result<int> preview_study(Session& session, const PreviewOptions& options) {
  GALLEY_TRY(const SpecFile file, study_of_file(options.study));
  Json body{{"file", file.json}};
  if (options.study.gpus > 0) body["gpus"] = options.study.gpus;
  if (!options.seconds.empty()) {
    GALLEY_TRY(body["seconds_per_resource"], positive_number("--seconds", options.seconds));
  }
  std::optional<double> price;
  if (!options.price.empty()) {
    GALLEY_TRY(price, positive_number("--price", options.price));
  }
  const auto answer = session.post("/api/v1/studies/preview", body);
  if (!answer) return locate(file, answer.error());
  Json preview = *answer;
  const double gpu_hours = real_of(preview, "gpu_hours");
  if (price) preview["cost_usd"] = *price * gpu_hours;
  if (session.flags.json) {
    session.print_json(preview);
    return 0;
  }
  const std::string resource = text_of(preview, "resource");
  print_out(fmt::format("methods   {}\n", text_of(preview, "reason")));
  print_out(fmt::format("trials    {}, {} at once\n", count_of(preview, "trials"),
                        count_of(preview, "slots")));
  for (const Json& length : child_of(preview, "lengths"))
    print_out(fmt::format("          {:>6} of {:.3g} {}\n", count_of(length, "trials"),
                          real_of(length, "mean_resource"), resource));
  print_out(fmt::format("pace      {:.3g} s a {}: {}\n", real_of(preview, "seconds_per_resource"),
                        resource, text_of(preview, "seconds_from")));
  if (gpu_hours > 0) {
    print_out(fmt::format("GPU time  {:.3g} h{}\n", gpu_hours,
                          price ? fmt::format(", ${:.2f}", *price * gpu_hours) : ""));
  }
  const Millis takes{static_cast<std::int64_t>(3.6e6 * real_of(preview, "hours"))};
  print_out(fmt::format(
      "ends      in about {}: {}{}\n", format_duration(takes), text_of(preview, "ends_by"),
      preview.value("endless", false) ? "; nothing ends it, so this is its first part" : ""));
  return 0;
}

Command preview_command(Session& session) {
  return {.name = "preview",
          .help = "What a study will take, before anything starts",
          .examples = {"galley tune preview study.json",
                       "galley tune preview study.json --gpus 16 --seconds 90 --price 2.5"},
          .define = [&session](Options& options) -> Action {
            auto wanted = std::make_shared<PreviewOptions>();
            options.positional("FILE", wanted->study.file, "Study, JSON or YAML")
                .number("--gpus", wanted->study.gpus, "N", "That it can expect; all when absent")
                .text("--seconds", wanted->seconds, "S",
                      "Of one trial for one unit of its resource, such as an epoch")
                .text("--price", wanted->price, "USD", "Of a GPU for an hour");
            return [&session, wanted] { return preview_study(session, *wanted); };
          }};
}

}  // namespace

void add_tune_commands(std::vector<Command>& commands, Session& session) {
  const auto wanted = std::make_shared<TuneOptions>();
  auto children = study_result_commands(session);
  children.insert(children.begin(), preview_command(session));
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
             .flag("--detach", wanted->detach, "Begin it and return");
         return [&session, wanted] { return tune(session, *wanted); };
       },
       .children = std::move(children),
       .takes_words = true,
       .after_dashes = &wanted->after_dashes});
}

}  // namespace galley::cli
