#include "accounts/secrets.h"

#include <nlohmann/json.hpp>

#include "account_bodies.h"
#include "account_views.h"
#include "agent_routes.h"
#include "context.h"
#include "controller/remote_agents.h"
#include "reply.h"

namespace galley::api {
namespace {

Json print_secret(const accounts::SecretInfo& secret) {
  return {{"name", secret.name},
          {"team", secret.team},
          {"principal", secret.principal},
          {"created_at", to_rfc3339(secret.created)},
          {"changed_at", to_rfc3339(secret.changed)}};
}

Json secret_schema() {
  Json properties = Json::object();
  for (const char* name : {"name", "team", "principal", "created_at", "changed_at"})
    properties[name] = type_schema("string");
  return object_schema(std::move(properties));
}

/// Secrets of other teams are not known to whoever may not use them.
Result<http::Response> list_secrets(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto who, context.auth->identify(request));
  GALLEY_TRY(const auto secrets, context.secrets->list());
  Json items = Json::array();
  for (const auto& secret : secrets)
    if (check_team(who, secret.team)) items.push_back(print_secret(secret));
  return reply_list(std::move(items));
}

Result<std::string> team_of(const Identity& who, std::string team) {
  if (team.empty()) team = usual_team(who);
  GALLEY_TRY_STATUS(check_team(who, team));
  return team;
}

Result<http::Response> set_secret(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto who, context.auth->identify(request));
  const auto body = body_as<SecretBody>(request);
  if (!body) {
    // What was found instead may be the value, and is in no answer.
    const std::string& field = body.error().field;
    if (!field.empty() && field != "value") return body.error();
    return Error{Errc::invalid_argument, "the body holds no value that is a text", "value",
                 R"({"value": "…"})"};
  }
  GALLEY_TRY(const auto team, team_of(who, body->team));
  GALLEY_TRY(const auto secret, context.secrets->set(team, std::string(request.param("name")),
                                                     body->value, by(request)));
  return reply(print_secret(secret));
}

Result<http::Response> remove(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto who, context.auth->identify(request));
  GALLEY_TRY(const auto team, team_of(who, query_text(request, "team")));
  GALLEY_TRY_STATUS(context.secrets->remove(team, std::string(request.param("name")), by(request)));
  return no_content();
}

}  // namespace

Result<std::vector<std::string>> secrets_of(const Context& context, const AttemptId& attempt) {
  std::string team;
  std::vector<std::string> names;
  GALLEY_TRY_STATUS(context.services.database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row, transaction.query_one("select j.team, j.spec from attempts t"
                                                     " join jobs j on j.id = t.job_id"
                                                     " where t.id = :1 and t.finished_ms is null",
                                                     {attempt.str()}));
    if (!row) return Error{Errc::not_found, "attempt " + attempt.str() + " does not run"};
    team = row->text(0);
    GALLEY_TRY(const auto json, parse_json(row->text(1)));
    names = json.value("secrets", std::vector<std::string>{});
    return ok();
  }));
  return context.secrets->values(team, names);
}

void add_secret_routes(Endpoints& endpoints, Context& context) {
  const std::string base = "/api/v1/secrets";
  endpoints.add(
      "GET", base, http::Run::pool,
      {.summary = "Lists the secrets of your teams, without their values.",
       .response = list_schema(secret_schema())},
      [&context](const http::Request& request) { return list_secrets(context, request); });
  endpoints.add("PUT", base + "/{name}", http::Run::pool,
                {.summary = "Sets a secret of a team; its jobs get it as a variable of that name.",
                 .request = protocol::schema_of<SecretBody>(),
                 .response = secret_schema()},
                [&context](const http::Request& request) { return set_secret(context, request); });
  endpoints.add("DELETE", base + "/{name}", http::Run::pool,
                {.summary = "Removes a secret; jobs that run keep what they were given.",
                 .status = 204,
                 .query = {{"team", "Whose it is; your only team when absent."}}},
                [&context](const http::Request& request) { return remove(context, request); });
  endpoints.add("POST", base + "/rotate", http::Run::pool,
                {.summary = "Seals all secrets with a new key.",
                 .response = object_schema({{"sealed", type_schema("integer")}})},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto sealed, context.secrets->rotate(by(request)));
                  return reply({{"sealed", sealed}});
                });
  endpoints.add_internal(
      "GET", "/internal/v1/attempts/{id}/secrets", http::Run::pool,
      [&context](const http::Request& request) -> Result<http::Response> {
        GALLEY_TRY(const auto agent, agent_of(context, request));
        GALLEY_TRY(const auto attempt, AttemptId::parse(request.param("id")));
        GALLEY_TRY(const auto rank, query_integer(request, "rank", 0, 0, 1'000'000));
        GALLEY_TRY_STATUS(context.services.agents->check_member(agent.node, attempt, rank));
        GALLEY_TRY(const auto secrets, secrets_of(context, attempt));
        auto response = reply({{"secrets", secrets}});
        response.headers.set("Cache-Control", "no-store");
        return response;
      });
}

}  // namespace galley::api
