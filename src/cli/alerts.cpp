#include <fmt/format.h>

#include "commands.h"
#include "fields.h"
#include "table.h"
#include "when.h"

namespace galley::cli {
namespace {

struct AddOptions {
  std::string name;
  std::string expression;
  std::string webhook;
  std::vector<std::string> command;
};

std::string told(const Json& rule) {
  std::string text = text_of(rule, "webhook");
  const Json& command = child_of(rule, "command");
  if (command.is_array())
    for (const Json& word : command) {
      if (!text.empty()) text += ' ';
      text += word.is_string() ? word.get<std::string>() : std::string();
    }
  return text;
}

Result<int> list_alerts(Session& session) {
  GALLEY_TRY(const Json alerts, session.get("/api/v1/alerts"));
  if (session.flags.json) {
    session.print_json(alerts);
    return 0;
  }
  Table table({{.title = "ALERT", .min_width = 8},
               {.title = "WHEN", .min_width = 20},
               {.title = "FIRING", .right = true},
               {.title = "TELLS", .min_width = 10, .drop_rank = 2},
               {.title = "BY", .drop_rank = 1}});
  for (const Json& rule : items_of(alerts)) {
    const std::int64_t firing = count_of(rule, "firing");
    table.add({{text_of(rule, "name")},
               {text_of(rule, "expression")},
               {std::to_string(firing), firing > 0 ? Style::bad : Style::plain},
               {told(rule), Style::dim},
               {text_of(rule, "principal"), Style::dim}});
  }
  if (table.empty())
    session.note("no alerts; `galley alerts add idle 'team_idle_gpus >= 8 for 1h' --webhook URL`");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

Result<int> list_firings(Session& session, bool open) {
  GALLEY_TRY(const Json firings,
             session.get(open ? "/api/v1/alerts/firings?open=1" : "/api/v1/alerts/firings"));
  if (session.flags.json) {
    session.print_json(firings);
    return 0;
  }
  Table table({{.title = "ALERT", .min_width = 8},
               {.title = "ABOUT", .min_width = 10},
               {.title = "STATE"},
               {.title = "VALUE", .right = true},
               {.title = "FIRED"},
               {.title = "FOR", .right = true, .drop_rank = 1}});
  for (const Json& one : items_of(firings)) {
    const std::string state = text_of(one, "state");
    table.add({{text_of(one, "rule")},
               {text_of(one, "subject")},
               {state, state == "firing" ? Style::bad : Style::good},
               {fmt::format("{:.4g}", real_of(one, "value"))},
               {relative_time(text_of(one, "fired_at"), session.now())},
               {elapsed_time(text_of(one, "since"), text_of(one, "resolved_at"), session.now())}});
  }
  if (table.empty())
    session.note(open ? "nothing fires now" : "no alert has fired yet");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

Result<int> add_alert(Session& session, const AddOptions& options) {
  Json body{{"name", options.name}, {"expression", options.expression}};
  if (!options.webhook.empty()) body["webhook"] = options.webhook;
  if (!options.command.empty()) body["command"] = options.command;
  GALLEY_TRY(const Json added, session.post("/api/v1/alerts", body));
  if (session.flags.json)
    session.print_json(added);
  else
    session.note(fmt::format("{} watches {}", options.name, text_of(added, "expression")));
  return 0;
}

Result<int> remove_alert(Session& session, const std::string& name) {
  GALLEY_TRY_STATUS(session.remove("/api/v1/alerts/" + encoded(name)));
  session.note(name + " is removed");
  return 0;
}

}  // namespace

void add_alert_commands(std::vector<Command>& commands, Session& session) {
  const auto list = [&session](Options&) -> Action {
    return [&session] { return list_alerts(session); };
  };
  const auto wanted = std::make_shared<AddOptions>();
  const std::vector<std::string> examples{
      "galley alerts add idle 'team_idle_gpus >= 8 for 1h' --webhook https://chat.example/hook",
      "galley alerts add hot 'gpu_temperature_celsius > 90 for 2m until < 80' -- /opt/page-me gpu",
      "galley alerts add busy 'node_cpu_ratio > 80% for 5m' --webhook http://127.0.0.1:9000/"};
  Command add{.name = "add",
              .help = "Watch a metric; the command after -- gets JSON on its stdin",
              .examples = examples,
              .define = [&session, wanted](Options& options) -> Action {
                options.positional("NAME", wanted->name, "Name of the alert")
                    .positional("RULE", wanted->expression,
                                "METRIC[{label=\"value\"}] OP NUMBER [for TIME] [until OP NUMBER]")
                    .text("--webhook", wanted->webhook, "URL", "Gets a POST with JSON");
                return [&session, wanted] { return add_alert(session, *wanted); };
              }};
  add.after_dashes = &wanted->command;
  commands.push_back(
      {.name = "alerts",
       .help = "Rules that tell somebody: what each watches and what fires",
       .group = kOtherGroup,
       .aliases = {"alert"},
       .examples = {"galley alerts", examples.front(), "galley alerts firing",
                    "galley alerts remove idle"},
       .define = list,
       .children = {{.name = "list", .help = "All alerts", .define = list},
                    std::move(add),
                    {.name = "remove",
                     .help = "Watch no longer",
                     .define = [&session](Options& options) -> Action {
                       auto name = std::make_shared<std::string>();
                       options.positional("NAME", *name, "Name of the alert");
                       return [&session, name] { return remove_alert(session, *name); };
                     }},
                    {.name = "firing",
                     .help = "What fires now; with --all also what is over",
                     .define = [&session](Options& options) -> Action {
                       auto all = std::make_shared<bool>(false);
                       options.flag("--all", *all, "Also what is over");
                       return [&session, all] { return list_firings(session, !*all); };
                     }}}});
}

}  // namespace galley::cli
