#include "account_bodies.h"
#include "account_views.h"
#include "context.h"
#include "controller/controller.h"
#include "reply.h"

namespace galley::api {
namespace {

Result<accounts::UserSpec> spec_of(UserBody body) {
  GALLEY_TRY(const auto role, accounts::parse_role(body.role));
  return accounts::UserSpec{.name = std::move(body.name),
                            .role = role,
                            .teams = std::move(body.teams),
                            .quota = {.max_queued_jobs = body.max_queued_jobs,
                                      .max_job_gpus = body.max_job_gpus,
                                      .max_gpus = body.max_gpus}};
}

Result<http::Response> add(Context& context, const http::Request& request) {
  GALLEY_TRY(auto body, body_as<UserBody>(request));
  GALLEY_TRY(const auto spec, spec_of(std::move(body)));
  GALLEY_TRY(const auto user, context.auth->accounts().add_user(spec, by(request)));
  context.services.controller.user_quota(user.name, user.quota.max_gpus);
  GALLEY_TRY_STATUS(context.auth->reload());
  auto response = reply(print_user(user), 201);
  response.headers.set("Location", "/api/v1/users/" + user.name);
  return response;
}

Result<http::Response> set_user(Context& context, const http::Request& request) {
  GALLEY_TRY(auto body, body_as<UserBody>(request));
  const std::string name(request.param("name"));
  if (!body.name.empty() && body.name != name)
    return Error{Errc::invalid_argument, "found '" + body.name + "'", "name",
                 "'" + name + "', as in the path, or no name"};
  body.name = name;
  GALLEY_TRY(const auto spec, spec_of(std::move(body)));
  GALLEY_TRY(const auto user, context.auth->accounts().set_user(spec, by(request)));
  context.services.controller.user_quota(user.name, user.quota.max_gpus);
  GALLEY_TRY_STATUS(context.auth->reload());
  return reply(print_user(user));
}

}  // namespace

void add_user_routes(Endpoints& endpoints, Context& context) {
  const std::string base = "/api/v1/users";
  endpoints.add("GET", base, http::Run::pool,
                {.summary = "Lists users with their roles, teams and quotas.",
                 .response = list_schema(user_schema())},
                [&context](const http::Request&) -> Result<http::Response> {
                  GALLEY_TRY(const auto users, context.auth->accounts().users());
                  Json items = Json::array();
                  for (const auto& user : users) items.push_back(print_user(user));
                  return reply_list(std::move(items));
                });
  endpoints.add("POST", base, http::Run::pool,
                {.summary = "Adds a user.",
                 .request = protocol::schema_of<UserBody>(),
                 .response = user_schema(),
                 .status = 201},
                [&context](const http::Request& request) { return add(context, request); });
  endpoints.add("GET", base + "/{name}", http::Run::pool,
                {.summary = "Shows a user.", .response = user_schema()},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto user, context.auth->accounts().user(request.param("name")));
                  return reply(print_user(user));
                });
  endpoints.add("PUT", base + "/{name}", http::Run::pool,
                {.summary = "Replaces a user's role, teams and quota; tokens follow at once.",
                 .request = protocol::schema_of<UserBody>(),
                 .response = user_schema()},
                [&context](const http::Request& request) { return set_user(context, request); });
  endpoints.add(
      "DELETE", base + "/{name}", http::Run::pool,
      {.summary = "Removes a user: tokens are revoked, sessions end, jobs stay.", .status = 204},
      [&context](const http::Request& request) -> Result<http::Response> {
        GALLEY_TRY_STATUS(
            context.auth->accounts().remove_user(std::string(request.param("name")), by(request)));
        context.services.controller.user_quota(std::string(request.param("name")), std::nullopt);
        GALLEY_TRY_STATUS(context.auth->reload());
        return no_content();
      });
}

}  // namespace galley::api
