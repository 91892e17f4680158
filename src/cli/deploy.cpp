#include <fmt/format.h>

#include "commands.h"
#include "fields.h"
#include "references.h"

namespace galley::cli {
namespace {

struct DeployOptions {
  std::string target;
  std::string channel = "prod";
};

Result<int> deploy(Session& session, const DeployOptions& options) {
  GALLEY_TRY(const VersionedName snapshot, require_reference(options.target, "nsmc@3"));
  const std::string target = fmt::format("/api/v1/models/{}/channels/{}", encoded(snapshot.name),
                                         encoded(options.channel));
  // An id after the @ names the snapshot by itself.
  const std::string wanted =
      snapshot.version.starts_with("snap_") ? snapshot.version : options.target;
  GALLEY_TRY(const Json channel, session.put(target, {{"snapshot", wanted}}));
  if (session.flags.json) {
    session.print_json(channel);
    return 0;
  }
  print_out(fmt::format("{} {} is {}\n", snapshot.name, options.channel,
                        text_of(channel, "snapshot_ref")));
  session.note(fmt::format("`galley predict {} TEXT` asks it, `galley rollback {}{}` goes back",
                           snapshot.name, snapshot.name,
                           options.channel == "prod" ? "" : " --channel " + options.channel));
  return 0;
}

Result<int> rollback(Session& session, const DeployOptions& options) {
  const std::string target = fmt::format("/api/v1/models/{}/channels/{}/rollback",
                                         encoded(options.target), encoded(options.channel));
  GALLEY_TRY(const Json channel, session.post_once(target, Json::object()));
  if (session.flags.json) {
    session.print_json(channel);
    return 0;
  }
  const std::string before = text_of(channel, "previous_snapshot_ref");
  print_out(fmt::format("{} {} is {}{}\n", options.target, options.channel,
                        text_of(channel, "snapshot_ref"),
                        before.empty() ? "" : " again, and no longer " + before));
  return 0;
}

}  // namespace

void add_deploy_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back({.name = "deploy",
                      .help = "Point a model's channel at a snapshot",
                      .group = kModelGroup,
                      .examples = {"galley deploy nsmc@3", "galley deploy nsmc@4 --channel canary"},
                      .define = [&session](Options& options) -> Action {
                        auto wanted = std::make_shared<DeployOptions>();
                        options.positional("SNAPSHOT", wanted->target, "MODEL@VERSION")
                            .text("--channel", wanted->channel, "CHANNEL", "prod when absent");
                        return [&session, wanted] { return deploy(session, *wanted); };
                      }});
  commands.push_back({.name = "rollback",
                      .help = "Point a channel at the snapshot that it had before",
                      .group = kModelGroup,
                      .examples = {"galley rollback nsmc", "galley rollback nsmc --channel canary"},
                      .define = [&session](Options& options) -> Action {
                        auto wanted = std::make_shared<DeployOptions>();
                        options.positional("MODEL", wanted->target, "Name of the model")
                            .text("--channel", wanted->channel, "CHANNEL", "prod when absent");
                        return [&session, wanted] { return rollback(session, *wanted); };
                      }});
}

}  // namespace galley::cli
