#include "account_bodies.h"
#include "account_views.h"
#include "context.h"
#include "reply.h"

namespace galley::api {
namespace {

/// The user of these tokens: the one in the path, which only administrators reach, or the caller.
Result<std::string> user_of(Context& context, const http::Request& request) {
  if (request.path_params.contains("name")) return std::string(request.param("name"));
  GALLEY_TRY(const auto who, context.auth->identify(request));
  if (who.user) return who.user->name;
  return Error{Errc::invalid_argument,
               "'" + who.principal + "' is the owner of this installation and no user of it",
               {},
               {},
               "add a user and make tokens for it: galley users add NAME; galley tokens create "
               "--user NAME"};
}

Result<http::Response> list_tokens(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto user, user_of(context, request));
  GALLEY_TRY(const auto tokens, context.auth->accounts().tokens(user));
  Json items = Json::array();
  for (const auto& token : tokens) items.push_back(print_token(token));
  return reply_list(std::move(items));
}

Result<http::Response> create_token(Context& context, const http::Request& request) {
  GALLEY_TRY(auto body, body_as<TokenBody>(request));
  GALLEY_TRY(const auto scope, accounts::parse_scope(body.scope));
  GALLEY_TRY(const auto user, user_of(context, request));
  GALLEY_TRY(const auto made, context.auth->accounts().create_token({.user = user,
                                                                     .name = std::move(body.name),
                                                                     .scope = scope,
                                                                     .team = std::move(body.team),
                                                                     .lifetime = body.lifetime},
                                                                    by(request)));
  GALLEY_TRY_STATUS(context.auth->reload());
  Json answer = print_token(made.token);
  answer["token"] = made.secret;
  auto response = reply(answer, 201);
  response.headers.set("Cache-Control", "no-store");
  return response;
}

Result<http::Response> revoke(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto user, user_of(context, request));
  GALLEY_TRY(const auto id, TokenId::parse(request.param("id")));
  GALLEY_TRY_STATUS(context.auth->accounts().revoke_token(user, id, by(request)));
  GALLEY_TRY_STATUS(context.auth->reload());
  return no_content();
}

Json made_schema() {
  Json schema = token_schema();
  schema["properties"]["token"] = type_schema("string");
  return schema;
}

Result<http::Response> me(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto who, context.auth->identify(request));
  Json answer{{"principal", who.principal},
              {"role", to_string(who.role())},
              {"scope", to_string(who.scope())}};
  if (who.user) answer["user"] = print_user(*who.user);
  if (who.token) answer["token"] = print_token(*who.token);
  return reply(answer);
}

}  // namespace

void add_token_routes(Endpoints& endpoints, Context& context) {
  for (const char* base : {"/api/v1/tokens", "/api/v1/users/{name}/tokens"}) {
    const std::string whose = base == std::string("/api/v1/tokens") ? "your own" : "a user's";
    endpoints.add(
        "GET", base, http::Run::pool,
        {.summary = "Lists " + whose + " tokens, newest first, without their secrets.",
         .response = list_schema(token_schema())},
        [&context](const http::Request& request) { return list_tokens(context, request); });
    endpoints.add(
        "POST", base, http::Run::pool,
        {.summary = "Makes one of " + whose + " tokens; its secret is shown this once.",
         .request = protocol::schema_of<TokenBody>(),
         .response = made_schema(),
         .status = 201},
        [&context](const http::Request& request) { return create_token(context, request); });
    endpoints.add("DELETE", std::string(base) + "/{id}", http::Run::pool,
                  {.summary = "Revokes one of " + whose + " tokens, from now on.", .status = 204},
                  [&context](const http::Request& request) { return revoke(context, request); });
  }
  endpoints.add("GET", "/api/v1/me", http::Run::inline_on_io,
                {.summary = "Your user, role and teams, and the token that you use.",
                 .response = object_schema({{"principal", type_schema("string")},
                                            {"role", type_schema("string")},
                                            {"scope", type_schema("string")},
                                            {"user", user_schema()},
                                            {"token", token_schema()}})},
                [&context](const http::Request& request) { return me(context, request); });
}

}  // namespace galley::api
