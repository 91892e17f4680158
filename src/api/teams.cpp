#include "protocol/teams.h"

#include <algorithm>

#include "base/text.h"
#include "context.h"
#include "guides.h"
#include "protocol/guide.h"
#include "reply.h"

namespace galley::api {
namespace {

using protocol::ReservationRecord;
using protocol::ReservationSpec;
using protocol::TeamRecord;
using protocol::TeamSpec;

/// Of what a write sets: usage changes all the time and must not make a tag stale.
std::string tag_of(const TeamRecord& team) {
  const TeamSpec spec{.name = team.name, .weight = team.weight, .guarantees = team.guarantees};
  return '"' + sha256_hex(dump_json(protocol::print_struct(spec))).substr(0, 16) + '"';
}

http::Response reply_team(const TeamRecord& team) {
  auto response = reply(protocol::print_struct(team));
  response.headers.set("ETag", tag_of(team));
  return response;
}

Result<TeamRecord> find_team(const Context& context, std::string_view name) {
  GALLEY_TRY(const auto teams, context.services.controller.teams());
  const auto found = std::ranges::find(teams, name, &TeamRecord::name);
  if (found != teams.end()) return *found;
  std::vector<std::string> names;
  for (const auto& team : teams) names.push_back(team.name);
  const auto close = nearest(name, names);
  return Error{Errc::not_found,
               "there is no team '" + std::string(name.substr(0, 64)) + "'",
               {},
               {},
               close.empty() ? "" : "did you mean " + close + "?"};
}

Result<http::Response> put_team(Context& context, const http::Request& request) {
  const std::string name(request.param("name"));
  GALLEY_TRY(auto json, body_json(request));
  if (!json.is_object()) return protocol::detail::wrong_type("", "an object", json);
  if (json.contains("name") && json["name"] != name)
    return Error{Errc::invalid_argument, "found " + dump_json(json["name"]).substr(0, 66), "name",
                 "'" + name + "', as in the path, or no name"};
  json["name"] = name;
  GALLEY_TRY(auto spec, protocol::parse_team_spec(json));
  const std::lock_guard lock(context.teams_mutex);
  if (const auto expected = request.headers.get("If-Match"); !expected.empty()) {
    GALLEY_TRY(const auto current, find_team(context, name));
    if (expected != "*" && expected != tag_of(current))
      return Error{Errc::conflict, "team " + name + " was changed in the meantime", "If-Match",
                   tag_of(current), "read it again and repeat the change"};
  }
  const auto team = context.services.controller.put_team(std::move(spec), caller_of(request));
  if (team) return reply_team(*team);
  if (team.error().field != "guarantees") return team.error();
  return refuse_with_guide(team.error(), request, guide_of_refusal(team.error()));
}

/// What a job of this size would be told says what could be booked, too.
Result<http::Response> refuse_booking(const Context& context, const http::Request& request,
                                      const ReservationSpec& wanted, const Error& error) {
  if (error.code != Errc::invalid_argument) return error;
  protocol::JobSpec job;
  job.command = {"true"};
  job.team = wanted.team;
  job.resources = wanted.resources;
  const auto guide = context.services.controller.guide(job, caller_of(request));
  const bool told = guide && guide->binding == protocol::Binding::impossible;
  return refuse_with_guide(error, request,
                           told ? protocol::print_struct(*guide) : guide_of_refusal(error));
}

Result<http::Response> reserve(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto who, context.auth->identify(request));
  GALLEY_TRY(auto json, body_json(request));
  if (json.is_object() && !json.contains("team")) json["team"] = usual_team(who);
  const auto spec = protocol::parse_reservation_spec(json);
  if (!spec && protocol::is_about_amounts(json, spec.error()))
    return refuse_with_guide(spec.error(), request, guide_of_refusal(spec.error()));
  if (!spec) return spec.error();
  GALLEY_TRY_STATUS(check_team(who, spec->team));
  const auto made = context.services.controller.reserve(*spec, caller_of(request));
  if (!made) return refuse_booking(context, request, *spec, made.error());
  auto response = reply(protocol::print_struct(*made), 201);
  response.headers.set("Location", "/api/v1/reservations/" + made->id.str());
  return response;
}

/// What has ended or never was is left to the controller to say.
Status check_owner_of(const Context& context, const http::Request& request,
                      const ReservationId& id) {
  GALLEY_TRY(const auto who, context.auth->identify(request));
  GALLEY_TRY(const auto all, context.services.controller.reservations());
  const auto found = std::ranges::find(all, id, &ReservationRecord::id);
  return found == all.end() ? ok() : check_owner(who, found->principal, "booking " + id.str());
}

void add_reservation_routes(Endpoints& endpoints, Context& context) {
  const std::string base = "/api/v1/reservations";
  endpoints.add("GET", base, http::Run::pool,
                {.summary = "Lists bookings of GPUs, soonest first.",
                 .response = list_schema(protocol::schema_of<ReservationRecord>())},
                [&context](const http::Request&) -> Result<http::Response> {
                  GALLEY_TRY(const auto all, context.services.controller.reservations());
                  return reply_list(protocol::detail::print_value(all));
                });
  endpoints.add("POST", base, http::Run::pool,
                {.summary = "Books resources for a team's jobs, from a time on, for a while.",
                 .request = protocol::schema_of<ReservationSpec>(),
                 .response = protocol::schema_of<ReservationRecord>(),
                 .status = 201},
                [&context](const http::Request& request) { return reserve(context, request); });
  endpoints.add("DELETE", base + "/{id}", http::Run::pool,
                {.summary = "Gives a booking up.", .status = 204},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto id, ReservationId::parse(request.param("id")));
                  GALLEY_TRY_STATUS(check_owner_of(context, request, id));
                  GALLEY_TRY_STATUS(context.services.controller.unreserve(id, caller_of(request)));
                  return no_content();
                });
}

}  // namespace

void add_team_routes(Endpoints& endpoints, Context& context) {
  const std::string base = "/api/v1/teams";
  endpoints.add("GET", base, http::Run::pool,
                {.summary = "Lists teams, what each is guaranteed and what it uses.",
                 .response = list_schema(protocol::schema_of<TeamRecord>())},
                [&context](const http::Request&) -> Result<http::Response> {
                  GALLEY_TRY(const auto teams, context.services.controller.teams());
                  return reply_list(protocol::detail::print_value(teams));
                });
  endpoints.add("GET", base + "/{name}", http::Run::pool,
                {.summary = "Shows a team; its ETag is what If-Match takes.",
                 .response = protocol::schema_of<TeamRecord>()},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto team, find_team(context, request.param("name")));
                  return reply_team(team);
                });
  endpoints.add("PUT", base + "/{name}", http::Run::pool,
                {.summary = "Makes or replaces a team. If-Match with its ETag refuses to overwrite "
                            "somebody else's change.",
                 .request = protocol::schema_of<TeamSpec>(),
                 .response = protocol::schema_of<TeamRecord>()},
                [&context](const http::Request& request) { return put_team(context, request); });
  endpoints.add(
      "DELETE", base + "/{name}", http::Run::pool,
      {.summary = "Takes a team's guarantees and weight away; its jobs stay.", .status = 204},
      [&context](const http::Request& request) -> Result<http::Response> {
        const std::lock_guard lock(context.teams_mutex);
        GALLEY_TRY_STATUS(context.services.controller.delete_team(
            std::string(request.param("name")), caller_of(request)));
        return no_content();
      });
  add_reservation_routes(endpoints, context);
}

}  // namespace galley::api
