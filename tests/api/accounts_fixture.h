#pragma once

#include "fixture.h"

namespace galley::api {

/// The server with users who come with their tokens.
class AccountsFixture : public ApiFixture {
 protected:
  /// Adds the user and answers the secret of a token.
  std::string user(const std::string& name, const std::string& role = "member",
                   const Json& more = Json::object()) {
    Json body{{"name", name}, {"role", role}};
    body.update(more);
    post("/api/v1/users", body, 201);
    return token(name);
  }
  std::string token(const std::string& name, const Json& more = Json::object()) {
    Json body{{"name", "t"}};
    body.update(more);
    return post("/api/v1/users/" + name + "/tokens", body, 201)["token"];
  }
  http::Response as(const std::string& secret, const std::string& method, const std::string& target,
                    const Json& body = nullptr) const {
    return taken(client(secret)->send(
        {method, target, {}, body.is_null() ? std::string() : dump_json(body)}));
  }
  /// What a refusal says, in our shape or in OpenAI's.
  static std::string detail(const http::Response& response) {
    const Json body = json_of(response);
    if (body.contains("error_code")) return body.value("message", "");
    const auto error = body.find("error");
    const bool is_openai = error != body.end() && error->is_object();
    return is_openai ? error->value("message", "") : body.value("detail", "");
  }
  /// A job that waits until next year, so that nothing happens to it.
  static Json waiting(const Json& more = Json::object()) {
    Json body{{"command", {"true"}}, {"start_at", "2100-01-01T00:00Z"}};
    body.update(more);
    return body;
  }
};

}  // namespace galley::api
