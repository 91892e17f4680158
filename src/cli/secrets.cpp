#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "commands.h"
#include "fields.h"
#include "hidden_input.h"
#include "table.h"
#include "when.h"

namespace galley::cli {
namespace {

struct SecretOptions {
  std::string name;
  std::string team;
};

Result<int> list_secrets(Session& session) {
  GALLEY_TRY(const Json secrets, session.get("/api/v1/secrets"));
  if (session.flags.json) {
    session.print_json(secrets);
    return 0;
  }
  Table table({{.title = "NAME", .min_width = 8},
               {.title = "TEAM"},
               {.title = "SET BY"},
               {.title = "CHANGED", .drop_rank = 1}});
  for (const Json& secret : items_of(secrets))
    table.add({{text_of(secret, "name")},
               {text_of(secret, "team")},
               {text_of(secret, "principal")},
               {relative_time(text_of(secret, "changed_at"), session.now()), Style::dim}});
  if (table.empty())
    session.note("no secrets yet; `galley secrets set NAME` takes one from standard input");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

/// All of standard input without the line break at its end; from a terminal one line, not shown.
std::string read_value(const Session& session, const std::string& name) {
  std::string value;
  if (::isatty(STDIN_FILENO) == 1) {
    print_note(fmt::format("Value of {}: ", name));
    const HiddenInput hidden;
    std::getline(std::cin, value);
    session.note("");
    return value;
  }
  value.assign(std::istreambuf_iterator<char>(std::cin), {});
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return value;
}

Result<int> set_secret(Session& session, const SecretOptions& options) {
  Json body{{"value", read_value(session, options.name)}};
  if (!options.team.empty()) body["team"] = options.team;
  GALLEY_TRY(const Json secret, session.put("/api/v1/secrets/" + encoded(options.name), body));
  if (session.flags.json) session.print_json(secret);
  session.note(fmt::format("{} is set for the jobs of team {}: `secrets: [{}]` gives it to one",
                           text_of(secret, "name"), text_of(secret, "team"),
                           text_of(secret, "name")));
  return 0;
}

Result<int> remove_secret(Session& session, const SecretOptions& options) {
  std::string target = "/api/v1/secrets/" + encoded(options.name);
  if (!options.team.empty()) target += "?team=" + encoded(options.team);
  GALLEY_TRY_STATUS(session.remove(target));
  session.note(options.name + " is removed; jobs that run keep what they were given");
  return 0;
}

Result<int> rotate_secrets(Session& session) {
  GALLEY_TRY(const Json done, session.post("/api/v1/secrets/rotate", Json::object()));
  if (session.flags.json) session.print_json(done);
  session.note(fmt::format("{} secrets are sealed with a new key; back up its file",
                           child_of(done, "sealed").get<std::int64_t>()));
  return 0;
}

Action define_one(Session& session, Options& options,
                  Result<int> (*change)(Session&, const SecretOptions&)) {
  auto wanted = std::make_shared<SecretOptions>();
  options.positional("NAME", wanted->name, "Of the secret and of the variable in jobs")
      .text("--team", wanted->team, "TEAM", "Whose it is; your only team when absent");
  return [&session, wanted, change] { return change(session, *wanted); };
}

}  // namespace

void add_secret_commands(std::vector<Command>& commands, Session& session) {
  const auto list = [&session](Options&) -> Action {
    return [&session] { return list_secrets(session); };
  };
  commands.push_back(
      {.name = "secrets",
       .help = "What the jobs of a team get and nobody sees, such as the token of a model hub",
       .group = kOtherGroup,
       .aliases = {"secret"},
       .examples = {"galley secrets set HF_TOKEN --team nlp < token.txt",
                    "galley secrets                      names, never values",
                    "galley secrets remove HF_TOKEN --team nlp"},
       .define = list,
       .children = {
           {.name = "list", .help = "Those of your teams, without their values", .define = list},
           {.name = "set",
            .help = "Set a secret: its value comes from standard input, or is asked for",
            .examples = {"galley secrets set HF_TOKEN",
                         "pass show hub | galley secrets set HF_TOKEN"},
            .define =
                [&session](Options& options) { return define_one(session, options, set_secret); }},
           {.name = "remove",
            .help = "Remove a secret; jobs that run keep what they were given",
            .define =
                [&session](Options& options) {
                  return define_one(session, options, remove_secret);
                }},
           {.name = "rotate",
            .help = "Seal all secrets with a new key, for administrators",
            .define = [&session](Options&) -> Action {
              return [&session] { return rotate_secrets(session); };
            }}}});
}

}  // namespace galley::cli
