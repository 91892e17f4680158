#include "base/units.h"
#include "context.h"
#include "controller/agent_registry.h"
#include "controller/remote_agents.h"
#include "reply.h"

namespace galley::api {
namespace {

struct JoinTokenBody {
  Millis ttl = std::chrono::hours(1);
};

Error no_fleet() { return {Errc::unsupported, "this server takes no agents"}; }

}  // namespace
}  // namespace galley::api

template <>
struct galley::protocol::Fields<galley::api::JoinTokenBody> {
  static constexpr std::string_view kind = "join_token";
  using S = galley::api::JoinTokenBody;
  static constexpr std::tuple table{
      Field<S, Millis>{"ttl_s", &S::ttl, "How long it is good for, such as 1h."}};
};

namespace galley::api {

void add_join_token_routes(Endpoints& endpoints, Context& context) {
  endpoints.add("POST", "/api/v1/nodes/join-tokens", http::Run::pool,
                {.summary = "Makes a one-time token with which one machine joins.",
                 .request = protocol::schema_of<JoinTokenBody>(),
                 .response = object_schema({{"token", type_schema("string")},
                                            {"expires_at", type_schema("string")},
                                            {"certificate_sha256", type_schema("string")}}),
                 .status = 201},
                [&context](const http::Request& request) -> Result<http::Response> {
                  if (context.services.agent_registry == nullptr) return no_fleet();
                  GALLEY_TRY(const auto body, body_as<JoinTokenBody>(request));
                  GALLEY_TRY(auto made, context.services.agent_registry->new_join_token(
                                            body.ttl, caller_of(request)));
                  // With it the new agent knows our certificate without an authority that signs it.
                  const std::string& pin = context.services.certificate_sha256;
                  Json answer{{"token", pin.empty() ? made.token : made.token + "." + pin},
                              {"expires_at", to_rfc3339(made.expires_at)}};
                  if (!pin.empty()) answer["certificate_sha256"] = pin;
                  return reply(answer, 201);
                });
  endpoints.add("DELETE", "/api/v1/nodes/{id}", http::Run::pool,
                {.summary = "Removes a machine that has joined, by its id or name: its agent is "
                            "refused, and what ran there goes back to the queue.",
                 .status = 204},
                [&context](const http::Request& request) -> Result<http::Response> {
                  if (context.services.agent_registry == nullptr) return no_fleet();
                  GALLEY_TRY(const NodeId node, context.services.agent_registry->remove(
                                                    request.param("id"), caller_of(request)));
                  context.services.agents->drop(node);
                  context.services.controller.remove_node(node);
                  return no_content();
                });
}

}  // namespace galley::api
