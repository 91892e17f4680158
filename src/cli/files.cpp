#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <array>

#include "commands.h"
#include "job_example.h"
#include "table.h"
#include "topology.h"

namespace galley::cli {
namespace {

struct FileKind {
  std::string_view name;
  std::string_view plural;
  std::string (*schema)();
  std::string (*example)();
};

constexpr std::array<FileKind, 2> kKinds{
    {{"job", "jobs", job_schema, job_example},
     {"topology", "topologies", topology_schema, topology_example}}};

std::string names_of_kinds() {
  std::string names;
  for (const FileKind& kind : kKinds) names += (names.empty() ? "" : ", ") + std::string(kind.name);
  return names;
}

Result<FileKind> find_kind(const std::string& name) {
  for (const FileKind& kind : kKinds)
    if (kind.name == name || kind.plural == name) return kind;
  return Error{
      Errc::not_found, fmt::format("there is no kind of file '{}'", name), {}, names_of_kinds()};
}

Result<int> print_schema(const std::string& name) {
  GALLEY_TRY(const FileKind kind, find_kind(name));
  print_out(kind.schema());
  return 0;
}

Result<int> print_example(const std::string& name) {
  GALLEY_TRY(const FileKind kind, find_kind(name));
  print_out(kind.example());
  return 0;
}

/// What `galley doctor --upgrade` of another program needs to know of this one.
Json print_program(const UpgradeSources& upgrade) {
  Json json{{"version", GALLEY_VERSION}};
  if (!upgrade.this_program) return json;
  const ProgramFacts facts = upgrade.this_program();
  Json steps = Json::array();
  for (const auto& step : facts.schema)
    steps.push_back({{"number", step.number}, {"only_adds", step.only_adds}});
  json["schema"] = {{"newest", facts.schema.empty() ? 0 : facts.schema.back().number},
                    {"steps", std::move(steps)}};
  json["protocol"] = {{"version", facts.protocol}, {"oldest", facts.oldest_protocol}};
  return json;
}

Result<int> print_version(const Session& session, const UpgradeSources& upgrade) {
  if (session.flags.json) {
    session.print_json(print_program(upgrade));
  } else {
    print_out("galley " GALLEY_VERSION "\n");
  }
  return 0;
}

Result<int> print_config(Session& session) {
  GALLEY_TRY(const Settings settings, session.settings());
  // A token on the screen is a token in somebody's log.
  const Setting token{settings.token.value.empty()
                          ? std::string{}
                          : fmt::format("({} characters)", settings.token.value.size()),
                      settings.token.source};
  const bool color = session.terminal.color;
  const Setting colors{color ? "on" : "off",
                       session.terminal.out_is_terminal ? "terminal, NO_COLOR" : "not a terminal"};
  const std::vector<std::pair<std::string, Setting>> values{
      {"server", settings.server},
      {"data", settings.data},
      {"token", token},
      {"ca", settings.ca},
      {"color", colors},
      {"config file", {settings.config_file.string(), "HOME, XDG_CONFIG_HOME"}}};
  if (session.flags.json) {
    Json json = Json::object();
    for (const auto& [key, setting] : values)
      json[key == "config file" ? "config_file" : key] = {{"value", setting.value},
                                                          {"source", setting.source}};
    session.print_json(json);
    return 0;
  }
  Table table(
      {{.title = "KEY"}, {.title = "VALUE", .min_width = 16}, {.title = "FROM", .min_width = 10}});
  for (const auto& [key, setting] : values)
    table.add(
        {{key}, {setting.value.empty() ? "(none)" : setting.value}, {setting.source, Style::dim}});
  print_out(table.print(session.terminal.width, color));
  return 0;
}

Command kind_command(std::string name, std::string help, std::vector<std::string> examples,
                     Result<int> (*print)(const std::string&)) {
  return {.name = std::move(name),
          .help = std::move(help),
          .group = kOtherGroup,
          .examples = std::move(examples),
          .define = [print](Options& options) -> Action {
            auto kind = std::make_shared<std::string>();
            options.positional("KIND", *kind, names_of_kinds());
            return [kind, print] { return print(*kind); };
          }};
}

}  // namespace

void add_file_commands(std::vector<Command>& commands, Session& session,
                       const UpgradeSources& upgrade) {
  commands.push_back(kind_command(
      "init", "Print an example file to begin with",
      {"galley init job > job.yaml", "galley init topology > topology.yaml"}, print_example));
  commands.push_back(kind_command("schema", "Print the JSON Schema of a kind of file",
                                  {"galley schema job > job.schema.json"}, print_schema));
  commands.push_back({.name = "config",
                      .help = "Show each setting and where it came from",
                      .group = kOtherGroup,
                      .examples = {"galley config", "GALLEY_SERVER=gpu1:7420 galley config"},
                      .define = [&session](Options&) -> Action {
                        return [&session] { return print_config(session); };
                      }});
  commands.push_back({.name = "version",
                      .help = "Print the version of this program",
                      .group = kOtherGroup,
                      .examples = {"galley version", "galley version --json"},
                      .define = [&session, upgrade](Options&) -> Action {
                        return [&session, upgrade] { return print_version(session, upgrade); };
                      }});
}

}  // namespace galley::cli
