#include "account_views.h"

#include "reply.h"

namespace galley::api {

Json print_user(const accounts::User& user) {
  Json json{{"name", user.name},
            {"role", to_string(user.role)},
            {"teams", user.teams},
            {"created_at", to_rfc3339(user.created)}};
  if (user.quota.max_queued_jobs) json["max_queued_jobs"] = *user.quota.max_queued_jobs;
  if (user.quota.max_job_gpus) json["max_job_gpus"] = *user.quota.max_job_gpus;
  if (user.quota.max_gpus) json["max_gpus"] = *user.quota.max_gpus;
  return json;
}

Json user_schema() {
  return object_schema({{"name", type_schema("string")},
                        {"role", type_schema("string")},
                        {"teams", list_of(type_schema("string"))},
                        {"max_queued_jobs", type_schema("integer")},
                        {"max_job_gpus", type_schema("integer")},
                        {"max_gpus", type_schema("integer")},
                        {"created_at", type_schema("string")}});
}

Json print_token(const accounts::Token& token) {
  Json json{{"id", token.id.str()},
            {"user", token.user},
            {"name", token.name},
            {"scope", to_string(token.scope)},
            {"created_at", to_rfc3339(token.created)},
            {"expires_at", to_rfc3339(token.expires)}};
  if (!token.team.empty()) json["team"] = token.team;
  if (token.last_used) json["last_used_at"] = to_rfc3339(*token.last_used);
  if (token.revoked) json["revoked_at"] = to_rfc3339(*token.revoked);
  return json;
}

Json token_schema() {
  Json properties = Json::object();
  for (const char* name : {"id", "user", "name", "scope", "team", "created_at", "expires_at",
                           "last_used_at", "revoked_at"})
    properties[name] = type_schema("string");
  return object_schema(std::move(properties));
}

accounts::By by(const http::Request& request) {
  return {
      .principal = request.principal, .request_id = request.id, .address = request.peer.address};
}

}  // namespace galley::api
