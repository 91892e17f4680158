#include <fmt/format.h>

#include <charconv>

#include "commands.h"
#include "fields.h"
#include "table.h"
#include "when.h"

namespace galley::cli {
namespace {

struct UserOptions {
  std::string name;
  std::string role;
  std::vector<std::string> teams;
  std::string max_queued_jobs;
  std::string max_job_gpus;
  std::string max_gpus;
};

std::string teams_text(const Json& user) {
  std::string text;
  const Json& teams = child_of(user, "teams");
  if (!teams.is_array()) return text;
  for (const Json& team : teams)
    if (team.is_string()) text += (text.empty() ? "" : " ") + team.get_ref<const std::string&>();
  return text;
}

std::string bound_text(const Json& user, const char* key) {
  const Json& bound = child_of(user, key);
  return bound.is_number_integer() ? std::to_string(bound.get<std::int64_t>()) : "";
}

Result<int> list_users(Session& session) {
  GALLEY_TRY(const Json users, session.get("/api/v1/users"));
  if (session.flags.json) {
    session.print_json(users);
    return 0;
  }
  Table table({{.title = "USER", .min_width = 8},
               {.title = "ROLE"},
               {.title = "TEAMS", .min_width = 8},
               {.title = "MAX QUEUED", .right = true},
               {.title = "MAX JOB GPUS", .right = true},
               {.title = "MAX GPUS", .right = true},
               {.title = "SINCE", .drop_rank = 1}});
  for (const Json& user : items_of(users))
    table.add({{text_of(user, "name")},
               {text_of(user, "role")},
               {teams_text(user)},
               {bound_text(user, "max_queued_jobs")},
               {bound_text(user, "max_job_gpus")},
               {bound_text(user, "max_gpus")},
               {relative_time(text_of(user, "created_at"), session.now()), Style::dim}});
  if (table.empty())
    session.note("no users yet; `galley users add NAME --team TEAM` adds one");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

/// A number, or "none", which takes the bound away.
Status set_bound(Json& user, const char* key, const char* option, const std::string& text) {
  if (text.empty()) return ok();
  if (text == "none") {
    user.erase(key);
    return ok();
  }
  std::int64_t bound = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bound);
  if (error != std::errc{} || end != text.data() + text.size() || bound < 0)
    return Error{Errc::invalid_argument, "found '" + text.substr(0, 40) + "'", option,
                 "a whole number, or none"};
  user[key] = bound;
  return ok();
}

Status apply(const UserOptions& options, Json& user) {
  if (!options.role.empty()) user["role"] = options.role;
  if (!options.teams.empty()) user["teams"] = options.teams;
  GALLEY_TRY_STATUS(
      set_bound(user, "max_queued_jobs", "--max-queued-jobs", options.max_queued_jobs));
  GALLEY_TRY_STATUS(set_bound(user, "max_gpus", "--max-gpus", options.max_gpus));
  return set_bound(user, "max_job_gpus", "--max-job-gpus", options.max_job_gpus);
}

int show_user(const Session& session, const Json& user) {
  if (session.flags.json) {
    session.print_json(user);
    return 0;
  }
  print_out(
      fmt::format("{}  {}  {}\n", text_of(user, "name"), text_of(user, "role"), teams_text(user)));
  return 0;
}

Result<int> add_user(Session& session, const UserOptions& options) {
  Json user{{"name", options.name}};
  GALLEY_TRY_STATUS(apply(options, user));
  GALLEY_TRY(const Json made, session.post("/api/v1/users", user));
  const int code = show_user(session, made);
  session.note(fmt::format("`galley tokens create laptop --user {}` makes a token to log in with",
                           options.name));
  return code;
}

Result<int> set_user(Session& session, const UserOptions& options) {
  const std::string target = "/api/v1/users/" + encoded(options.name);
  GALLEY_TRY(Json user, session.get(target));
  if (user.is_object()) user.erase("created_at");
  GALLEY_TRY_STATUS(apply(options, user));
  GALLEY_TRY(const Json now, session.put(target, user));
  return show_user(session, now);
}

Result<int> remove_user(Session& session, const std::string& name) {
  GALLEY_TRY_STATUS(session.remove("/api/v1/users/" + encoded(name)));
  session.note(
      fmt::format("{} is removed; its tokens and sessions have ended, its jobs stay", name));
  return 0;
}

Action define_change(Session& session, Options& options,
                     Result<int> (*change)(Session&, const UserOptions&)) {
  auto wanted = std::make_shared<UserOptions>();
  options.positional("NAME", wanted->name, "Of the user")
      .text("--role", wanted->role, "ROLE", "viewer, member or admin")
      .texts("--team", wanted->teams, "TEAM", "Whose jobs the user may submit; may be repeated")
      .text("--max-queued-jobs", wanted->max_queued_jobs, "N",
            "Jobs that may wait at once, or none")
      .text("--max-job-gpus", wanted->max_job_gpus, "N", "GPUs of one job, or none")
      .text("--max-gpus", wanted->max_gpus, "N",
            "GPUs in use at once, or none; further jobs wait for the user's own to end");
  return [&session, wanted, change] { return change(session, *wanted); };
}

}  // namespace

void add_user_commands(std::vector<Command>& commands, Session& session) {
  const auto list = [&session](Options&) -> Action {
    return [&session] { return list_users(session); };
  };
  commands.push_back(
      {.name = "users",
       .help = "Users: roles, teams and quotas",
       .group = kOtherGroup,
       .aliases = {"user"},
       .examples = {"galley users", "galley users add ada --team nlp",
                    "galley users set ada --role admin", "galley users remove ada"},
       .define = list,
       .children = {
           {.name = "list", .help = "All users", .define = list},
           {.name = "add",
            .help = "Add a user: a member of team default when nothing else is said",
            .examples = {"galley users add ada --team nlp --team vision",
                         "galley users add guest --role viewer"},
            .define =
                [&session](Options& options) { return define_change(session, options, add_user); }},
           {.name = "set",
            .help = "Change a user; what is not named stays",
            .examples = {"galley users set ada --role admin",
                         "galley users set ada --max-queued-jobs 100 --max-job-gpus none",
                         "galley users set ada --max-gpus 16"},
            .define =
                [&session](Options& options) { return define_change(session, options, set_user); }},
           {.name = "remove",
            .help = "Remove a user: tokens and sessions end, jobs stay",
            .define = [&session](Options& options) -> Action {
              auto name = std::make_shared<std::string>();
              options.positional("NAME", *name, "Of the user");
              return [&session, name] { return remove_user(session, *name); };
            }}}});
}

}  // namespace galley::cli
