#include <fmt/format.h>

#include <charconv>

#include "cells.h"
#include "commands.h"
#include "fields.h"
#include "table.h"

namespace galley::cli {
namespace {

struct SetOptions {
  std::string name;
  std::string weight;
  std::vector<std::string> cells;
  bool no_cells = false;
};

std::string all_cells(const Json& team) {
  std::string text;
  const Json& guarantees = child_of(team, "guarantees");
  if (!guarantees.is_array()) return text;
  for (const Json& one : guarantees) text += (text.empty() ? "" : " ") + cells_text(one);
  return text;
}

Result<int> list_teams(Session& session) {
  GALLEY_TRY(const Json teams, session.get("/api/v1/teams"));
  if (session.flags.json) {
    session.print_json(teams);
    return 0;
  }
  Table table({{.title = "TEAM", .min_width = 8},
               {.title = "WEIGHT", .right = true},
               {.title = "OWNS", .min_width = 8},
               {.title = "RUNNING GPUS", .right = true},
               {.title = "GPU HOURS USED", .right = true, .drop_rank = 1}});
  for (const Json& team : items_of(teams))
    table.add({{text_of(team, "name")},
               {fmt::format("{:g}", real_of(team, "weight"))},
               {all_cells(team)},
               {std::to_string(count_of(team, "running_gpus"))},
               {fmt::format("{:.1f}", real_of(team, "used_gpu_s") / 3600)}});
  if (table.empty())
    session.note("no teams yet; `galley teams set NAME --weight 2` makes one");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

Result<double> parse_weight(const std::string& text) {
  double weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error == std::errc{} && end == text.data() + text.size()) return weight;
  return Error{Errc::invalid_argument, "found '" + text.substr(0, 40) + "'", "--weight",
               "a number, such as 2"};
}

Result<int> set_team(Session& session, const SetOptions& options) {
  const std::string target = "/api/v1/teams/" + encoded(options.name);
  if (options.no_cells && !options.cells.empty())
    return Error{Errc::invalid_argument, "--cells and --no-cells exclude each other"};
  // What is not named stays as it is; the tag makes sure that it is still what we read.
  auto before = session.send({.target = target});
  if (!before && before.error().code != Errc::not_found) return std::move(before).error();
  Json team = Json::object();
  std::string tag;
  if (before) {
    GALLEY_TRY(const Json known, parse_json(before->body));
    team = {{"weight", child_of(known, "weight")}, {"guarantees", child_of(known, "guarantees")}};
    tag = before->headers.get("ETag");
  }
  if (!options.weight.empty()) {
    GALLEY_TRY(team["weight"], parse_weight(options.weight));
  }
  if (options.no_cells || !options.cells.empty()) team["guarantees"] = Json::array();
  for (const std::string& text : options.cells) {
    GALLEY_TRY(Json cells, parse_cells(text));
    team["guarantees"].push_back(std::move(cells));
  }
  GALLEY_TRY(const Json now, session.put(target, team, tag));
  if (session.flags.json) {
    session.print_json(now);
    return 0;
  }
  const std::string owned = all_cells(now);
  print_out(fmt::format("{}  weight {:g}{}{}\n", text_of(now, "name"), real_of(now, "weight"),
                        owned.empty() ? "" : "  owns ", owned));
  return 0;
}

Result<int> remove_team(Session& session, const std::string& name) {
  GALLEY_TRY_STATUS(session.remove("/api/v1/teams/" + encoded(name)));
  session.note(fmt::format("{} owns nothing any more; its jobs stay", name));
  return 0;
}

}  // namespace

void add_team_commands(std::vector<Command>& commands, Session& session) {
  const auto list = [&session](Options&) -> Action {
    return [&session] { return list_teams(session); };
  };
  commands.push_back(
      {.name = "teams",
       .help = "Teams: what each owns, its weight and what it uses",
       .group = kJobGroup,
       .aliases = {"team"},
       .examples = {"galley teams", "galley teams set nlp --weight 2 --cells 4xA100:8",
                    "galley teams set vision --cells 2x4 --cells 1xH100:8",
                    "galley teams remove vision"},
       .define = list,
       .children = {
           {.name = "list", .help = "All teams", .define = list},
           {.name = "set",
            .help = "Make a team or change it; what is not named stays",
            .examples = {"galley teams set nlp --weight 2",
                         "galley teams set nlp --cells 4xA100:8    four cells of eight A100",
                         "galley teams set nlp --no-cells"},
            .define = [&session](Options& options) -> Action {
              auto wanted = std::make_shared<SetOptions>();
              options.positional("NAME", wanted->name, "Name of the team")
                  .text("--weight", wanted->weight, "NUMBER", "Of its share; 1 for a new team")
                  .texts("--cells", wanted->cells, "COUNTxTYPE:GPUS", "GPUs that it owns")
                  .flag("--no-cells", wanted->no_cells, "It owns none");
              return [&session, wanted] { return set_team(session, *wanted); };
            }},
           {.name = "remove",
            .help = "Take what a team owns and its weight away",
            .define = [&session](Options& options) -> Action {
              auto name = std::make_shared<std::string>();
              options.positional("NAME", *name, "Name of the team");
              return [&session, name] { return remove_team(session, *name); };
            }}}});
}

}  // namespace galley::cli
