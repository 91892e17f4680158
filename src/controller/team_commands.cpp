#include "team_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "capacity_check.h"
#include "job_events.h"
#include "store/events.h"

namespace galley::controller {
namespace {

using store::Transaction;

Status tell_team(Transaction& transaction, const std::string& name, std::string_view state,
                 WallTime at) {
  return store::append_event(
      transaction, {.at_ms = to_ms(at),
                    .kind = "team",
                    .subject = name,
                    .data = dump_json(Json{{"name", name}, {"state", std::string(state)}})});
}

std::string print_guarantees(const protocol::TeamSpec& team) {
  Json list = Json::array();
  for (const auto& guarantee : team.guarantees) list.push_back(protocol::print_struct(guarantee));
  return dump_json(list);
}

Result<protocol::TeamSpec> team_of_row(const store::Row& row) {
  protocol::TeamSpec team{.name = row.text(0), .weight = row.real(1), .guarantees = {}};
  GALLEY_TRY(const Json list, parse_json(row.text(2)));
  for (const Json& item : list) {
    GALLEY_TRY(auto guarantee,
               protocol::parse_struct<protocol::GuaranteeSpec>(item, protocol::Unknown::ignore));
    team.guarantees.push_back(std::move(guarantee));
  }
  return team;
}

}  // namespace

Result<std::vector<protocol::TeamSpec>> read_teams(Transaction& transaction) {
  GALLEY_TRY(auto rows,
             transaction.query("select name, weight, guarantees from teams order by name"));
  std::vector<protocol::TeamSpec> teams;
  for (const store::Row& row : rows) {
    GALLEY_TRY(auto team, team_of_row(row));
    teams.push_back(std::move(team));
  }
  return teams;
}

Result<std::vector<protocol::NodeRecord>> read_nodes(Transaction& transaction) {
  GALLEY_TRY(auto rows, transaction.query("select inventory from nodes order by id"));
  std::vector<protocol::NodeRecord> nodes;
  for (const store::Row& row : rows) {
    GALLEY_TRY(const Json json, parse_json(row.text(0)));
    GALLEY_TRY(auto node,
               protocol::parse_struct<protocol::NodeRecord>(json, protocol::Unknown::ignore));
    nodes.push_back(std::move(node));
  }
  return nodes;
}

Status put_team(Transaction& transaction, const PutTeam& command) {
  GALLEY_TRY(auto teams, read_teams(transaction));
  std::erase_if(teams, [&](const auto& team) { return team.name == command.team.name; });
  teams.push_back(command.team);
  GALLEY_TRY(const auto nodes, read_nodes(transaction));
  GALLEY_TRY_STATUS(check_guarantees(teams, nodes));
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into teams (name, weight, guarantees, changed_ms) values (:1, :2, :3, :4) on "
      "conflict (name) do update set weight = excluded.weight, guarantees = excluded.guarantees, "
      "changed_ms = excluded.changed_ms",
      {command.team.name, command.team.weight, print_guarantees(command.team), to_ms(command.at)}));
  GALLEY_TRY_STATUS(tell_team(transaction, command.team.name, "changed", command.at));
  return audit(transaction, command.caller, "team.put", command.team.name, command.at);
}

Status delete_team(Transaction& transaction, const DeleteTeam& command) {
  GALLEY_TRY(const auto removed,
             transaction.execute("delete from teams where name = :1", {command.name}));
  if (removed == 0)
    return Error{Errc::not_found,
                 "there is no team " + command.name.substr(0, 64),
                 {},
                 {},
                 "`galley teams` lists them"};
  GALLEY_TRY_STATUS(tell_team(transaction, command.name, "deleted", command.at));
  return audit(transaction, command.caller, "team.delete", command.name, command.at);
}

}  // namespace galley::controller
