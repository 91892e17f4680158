#include "identity.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galley::api {

using accounts::Action;
using accounts::Role;

Status check_action(const Identity& who, Action action) {
  if (!accounts::role_may(who.role(), action))
    return Error{Errc::forbidden,
                 fmt::format("{} is a {}, and this needs the role {}", who.principal,
                             to_string(who.role()), to_string(accounts::least_role(action))),
                 {},
                 {},
                 fmt::format("ask an administrator: galley users set {} --role {}", who.principal,
                             to_string(accounts::least_role(action)))};
  if (!accounts::scope_may(who.scope(), action))
    return Error{Errc::forbidden,
                 fmt::format("the token '{}' is good for '{}' only, and this is '{}'",
                             who.token->name, to_string(who.scope()), to_string(action)),
                 {},
                 {},
                 "use a token of another scope; `galley tokens create --scope` makes one"};
  // What it made could be used for other teams.
  const bool wide = action == Action::account || action == Action::administer;
  if (wide && who.token && !who.token->team.empty())
    return Error{Errc::forbidden,
                 fmt::format("the token '{}' is for team {} only, and this is not of a team",
                             who.token->name, who.token->team),
                 {},
                 {},
                 "use a token without a team"};
  return ok();
}

Status check_team(const Identity& who, std::string_view team) {
  if (!who.user) return ok();
  if (who.token && !who.token->team.empty() && who.token->team != team)
    return Error{
        Errc::forbidden,
        fmt::format("the token '{}' is for team {} only", who.token->name, who.token->team), "team",
        who.token->team};
  const auto& teams = who.user->teams;
  if (who.role() == Role::admin || std::ranges::find(teams, team) != teams.end()) return ok();
  return Error{
      Errc::forbidden,
      fmt::format("{} is not in team '{}'", who.principal, to_valid_utf8(team.substr(0, 64))),
      "team", fmt::format("one of {}", fmt::join(teams, ", ")),
      "ask an administrator: galley users set " + who.principal + " --team"};
}

Status check_owner(const Identity& who, std::string_view principal, std::string_view what) {
  if (who.principal == principal || accounts::role_may(who.role(), Action::administer)) return ok();
  return Error{Errc::forbidden,
               fmt::format("{} belongs to {}", what, principal),
               {},
               {},
               fmt::format("{} or an administrator may do this", principal)};
}

std::string usual_team(const Identity& who) {
  if (!who.user) return "default";
  if (who.token && !who.token->team.empty()) return who.token->team;
  return who.user->teams.size() == 1 ? who.user->teams.front() : "default";
}

}  // namespace galley::api
