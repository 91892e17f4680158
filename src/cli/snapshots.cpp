#include <fmt/format.h>

#include "base/units.h"
#include "commands.h"
#include "fields.h"
#include "references.h"
#include "snapshot_freeze.h"
#include "snapshot_tables.h"
#include "upload.h"

namespace galley::cli {
namespace {

struct CreateOptions {
  std::string model;
  std::string path;
  std::string run;
  std::string from_run;
  std::string artifact;
  std::string note;
  std::vector<std::string> sources;
};

Result<int> list_snapshots(Session& session, const std::string& model) {
  std::vector<std::string> models{model};
  if (model.empty()) {
    models.clear();
    GALLEY_TRY(const Json all, session.list("/api/v1/models", 10'000));
    for (const Json& one : items_of(all)) models.push_back(text_of(one, "name"));
  }
  Json found{{"items", Json::array()}};
  for (const std::string& name : models) {
    GALLEY_TRY(const Json one, session.get("/api/v1/models/" + encoded(name)));
    const Json& snapshots = child_of(one, "snapshots");
    if (!snapshots.is_array()) continue;
    for (const Json& snapshot : snapshots) found["items"].push_back(snapshot);
  }
  if (session.flags.json) {
    session.print_json(found);
    return 0;
  }
  if (items_of(found).empty())
    session.note("no snapshots yet; `galley snapshots create MODEL PATH` freezes one");
  else
    print_out(snapshots_table(session, items_of(found)));
  return 0;
}

/// The artifact to freeze when the user named none: the only one.
Result<std::string> only_artifact(Session& session, const std::string& run) {
  GALLEY_TRY(const Json record, session.get("/api/v1/runs/" + run));
  const Json& artifacts = child_of(record, "artifacts");
  if (!artifacts.is_array() || artifacts.empty())
    return Error{Errc::not_found,
                 fmt::format("run {} has no artifact", run),
                 {},
                 {},
                 "a job names one by printing galley:: artifact=PATH"};
  if (artifacts.size() == 1) return text_of(artifacts.front(), "path");
  std::string paths;
  for (const Json& one : artifacts) paths += (paths.empty() ? "" : ", ") + text_of(one, "path");
  return Error{Errc::invalid_argument,
               fmt::format("run {} has {} artifacts", run, artifacts.size()),
               {},
               "--artifact with one of " + paths};
}

Result<Json> body_of(Session& session, const CreateOptions& options) {
  Json body = Json::object();
  if (!options.note.empty()) body["note"] = options.note;
  if (!options.sources.empty()) body["sources"] = options.sources;
  if (!options.from_run.empty()) {
    if (!options.path.empty() || !options.run.empty())
      return Error{Errc::invalid_argument,
                   "--from-run freezes the run's own artifact",
                   {},
                   "either PATH with --run, or --from-run"};
    GALLEY_TRY(body["run_id"], resolve_run(session, options.from_run));
    std::string artifact = options.artifact;
    if (artifact.empty()) {
      GALLEY_TRY(artifact, only_artifact(session, body["run_id"].get<std::string>()));
    }
    body["artifact"] = artifact;
    return body;
  }
  if (options.path.empty())
    return Error{Errc::invalid_argument,
                 "galley snapshots create: what should be frozen?",
                 {},
                 "a PATH, or --from-run RUN"};
  if (!options.run.empty()) {
    GALLEY_TRY(body["run_id"], resolve_run(session, options.run));
  }
  GALLEY_TRY(Uploaded sent, upload(session, options.path));
  session.note(fmt::format("{}; {} sent, the rest was there", format_bytes(sent.size_bytes),
                           format_bytes(sent.sent_bytes)));
  body["manifest"] = std::move(sent.manifest);
  return body;
}

Result<int> create(Session& session, const CreateOptions& options) {
  GALLEY_TRY(const Json body, body_of(session, options));
  return freeze_snapshot(session, options.model, body);
}

Result<int> show_snapshot(Session& session, const std::string& reference) {
  GALLEY_TRY(const Json snapshot, session.get("/api/v1/snapshots/" + encoded(reference)));
  if (session.flags.json) {
    session.print_json(snapshot);
  } else {
    print_out(snapshot_text(session, snapshot));
  }
  return 0;
}

}  // namespace

void add_snapshot_commands(std::vector<Command>& commands, Session& session) {
  const auto list = [&session](Options& options) -> Action {
    auto model = std::make_shared<std::string>();
    options.text("--model", *model, "MODEL", "Only this model's");
    return [&session, model] { return list_snapshots(session, *model); };
  };
  commands.push_back(
      {.name = "snapshots",
       .help = "Frozen models: create, list, show",
       .group = kModelGroup,
       .aliases = {"snapshot"},
       .examples = {"galley snapshots", "galley snapshots create nsmc --from-run last",
                    "galley snapshots create nsmc out/model --run RUN --note 'first try'",
                    "galley snapshots show nsmc@1"},
       .define = list,
       .children = {
           {.name = "list", .help = "All snapshots of models", .define = list},
           {.name = "create",
            .help = "Freeze a folder, or what a run made, as a model's next version",
            .examples = {"galley snapshots create nsmc out/model",
                         "galley snapshots create nsmc --from-run last --artifact model"},
            .define = [&session](Options& options) -> Action {
              auto wanted = std::make_shared<CreateOptions>();
              options.positional("MODEL", wanted->model, "Name of the model")
                  .optional_positional("PATH", wanted->path, "Folder or file to freeze")
                  .text("--run", wanted->run, "RUN", "The run that made it")
                  .text("--from-run", wanted->from_run, "RUN", "Freeze an artifact of this run")
                  .text("--artifact", wanted->artifact, "PATH", "Which; the only one when absent")
                  .texts("--source", wanted->sources, "SNAPSHOT", "What it was made from")
                  .text("--note", wanted->note, "TEXT", "What is new in it");
              return [&session, wanted] { return create(session, *wanted); };
            }},
           {.name = "show",
            .help = "One snapshot and its files",
            .define = [&session](Options& options) -> Action {
              auto reference = std::make_shared<std::string>();
              options.positional("SNAPSHOT", *reference, "MODEL@VERSION or an id");
              return [&session, reference] { return show_snapshot(session, *reference); };
            }}}});
}

}  // namespace galley::cli
