#include <fmt/format.h>

#include "commands.h"
#include "fields.h"
#include "model_files.h"
#include "model_profile.h"
#include "snapshot_tables.h"
#include "table.h"
#include "when.h"

namespace galley::cli {
namespace {

std::string channels_text(const Json& channels) {
  std::string text;
  if (!channels.is_object()) return text;
  for (const auto& [name, channel] : channels.items())
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, text_of(channel, "snapshot_ref"));
  return text;
}

std::string latest_of(const Json& model) {
  const Json& latest = child_of(model, "latest");
  return latest.is_string() ? latest.get<std::string>() : text_of(latest, "ref");
}

std::string snapshot_count(const Json& model) {
  const Json& snapshots = child_of(model, "snapshots");
  return std::to_string(snapshots.is_array() ? static_cast<std::int64_t>(snapshots.size())
                                             : count_of(model, "snapshots"));
}

Result<int> list_models(Session& session) {
  GALLEY_TRY(const Json models, session.list("/api/v1/models", 10'000));
  if (session.flags.json) {
    session.print_json(models);
    return 0;
  }
  Table table({{.title = "NAME", .min_width = 8},
               {.title = "LATEST", .min_width = 8},
               {.title = "SNAPSHOTS", .right = true, .drop_rank = 1},
               {.title = "CHANNELS", .min_width = 12},
               {.title = "LOADED"}});
  for (const Json& one : items_of(models)) {
    const Json& loaded = child_of(one, "loaded");
    const std::string shown = loaded.is_boolean() ? (loaded.get<bool>() ? "yes" : "no")
                              : loaded.is_null()  ? ""
                              : loaded.is_array() ? std::to_string(loaded.size())
                                                  : dump_json(loaded);
    table.add({{text_of(one, "name")},
               {latest_of(one)},
               {snapshot_count(one)},
               {channels_text(child_of(one, "channels"))},
               {shown}});
  }
  if (table.empty())
    session.note("no models yet; `galley snapshots create MODEL PATH` freezes one");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

Result<int> show_model(Session& session, const std::string& name) {
  GALLEY_TRY(const Json model, session.get("/api/v1/models/" + encoded(name)));
  if (session.flags.json) {
    session.print_json(model);
    return 0;
  }
  Table table({{.title = "CHANNEL"},
               {.title = "SNAPSHOT", .min_width = 8},
               {.title = "GENERATION", .right = true, .drop_rank = 1},
               {.title = "CHANGED"}});
  const Json& channels = child_of(model, "channels");
  if (channels.is_object())
    for (const auto& [channel, at] : channels.items())
      table.add({{channel, Style::good},
                 {text_of(at, "snapshot_ref")},
                 {std::to_string(count_of(at, "generation"))},
                 {relative_time(text_of(at, "changed_at"), session.now())}});
  std::string out;
  if (!table.empty()) out = table.print(session.terminal.width, session.terminal.color) + "\n";
  print_out(out + snapshots_table(session, child_of(model, "snapshots")));
  return 0;
}

Result<int> history(Session& session, const std::string& name, const std::string& channel) {
  std::string target = "/api/v1/models/" + encoded(name) + "/history";
  if (!channel.empty()) target += "?channel=" + encoded(channel);
  GALLEY_TRY(const Json moves, session.list(target, 500));
  if (session.flags.json) {
    session.print_json(moves);
    return 0;
  }
  Table table({{.title = "WHEN"},
               {.title = "CHANNEL"},
               {.title = "ACTION"},
               {.title = "SNAPSHOT", .min_width = 8},
               {.title = "BEFORE", .min_width = 8},
               {.title = "GENERATION", .right = true, .drop_rank = 1},
               {.title = "BY", .min_width = 6, .drop_rank = 2}});
  for (const Json& move : items_of(moves)) {
    const std::string action = text_of(move, "action");
    table.add({{relative_time(text_of(move, "at"), session.now())},
               {text_of(move, "channel")},
               {action, action == "rollback" ? Style::busy : Style::plain},
               {text_of(move, "snapshot_ref")},
               {text_of(move, "previous_snapshot_ref")},
               {std::to_string(count_of(move, "generation"))},
               {text_of(move, "principal")}});
  }
  if (table.empty())
    session.note(fmt::format("{} was never deployed", name));
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

}  // namespace

void add_model_commands(std::vector<Command>& commands, Session& session) {
  const auto list = [&session](Options&) -> Action {
    return [&session] { return list_models(session); };
  };
  const auto show_history = [&session](Options& options) -> Action {
    auto model = std::make_shared<std::string>();
    auto channel = std::make_shared<std::string>();
    options.positional("MODEL", *model, "Name of the model")
        .text("--channel", *channel, "CHANNEL", "Only this one's; all when absent");
    return [&session, model, channel] { return history(session, *model, *channel); };
  };
  commands.push_back(
      {.name = "models",
       .help = "List models, their snapshots and channels; import, look into and convert files",
       .group = kModelGroup,
       .aliases = {"model"},
       .examples = {"galley models", "galley models show nsmc", "galley models history nsmc",
                    "galley models import ./Qwen2-0.5B-Instruct qwen",
                    "galley models info qwen2-q8_0.gguf",
                    "galley models profile qwen2-q8_0.gguf --quick"},
       .define = list,
       .children = {{.name = "list", .help = "All models", .define = list},
                    {.name = "show",
                     .help = "Channels and snapshots of one model",
                     .define = [&session](Options& options) -> Action {
                       auto model = std::make_shared<std::string>();
                       options.positional("MODEL", *model, "Name of the model");
                       return [&session, model] { return show_model(session, *model); };
                     }},
                    {.name = "history",
                     .help = "Where its channels pointed, newest first",
                     .define = show_history}}});
  std::vector<Command>& children = commands.back().children;
  children.push_back(model_import_command(session));
  for (Command& command : model_file_commands(session)) children.push_back(std::move(command));
  children.push_back(model_profile_command(session));
  commands.push_back({.name = "history",
                      .help = "Where a model's channels pointed, newest first",
                      .group = kModelGroup,
                      .examples = {"galley history nsmc", "galley history nsmc --channel prod"},
                      .define = show_history});
}

}  // namespace galley::cli
