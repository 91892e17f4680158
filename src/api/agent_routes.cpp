// What agents on other machines call, under /internal/v1: not part of the public description.
#include "agent_routes.h"

#include <charconv>

#include "auth_headers.h"
#include "blobs/manifest.h"
#include "context.h"
#include "controller/remote_agents.h"
#include "protocol/fleet_messages.h"
#include "reply.h"

namespace galley::api {
namespace {

using controller::AgentRegistry;
using controller::RemoteAgents;

std::string host_of(const std::string& address) { return address == "unix" ? "" : address; }

http::Response printed(std::string body) { return http::Response::json(std::move(body)); }

/// Answers the request with what becomes of a write.
std::function<void(Status)> answer_to(const http::Exchange& exchange) {
  return [responder = exchange.responder(), id = exchange.request().id](const Status& status) {
    responder(status ? no_content() : http::problem(status.error(), id));
  };
}

/// The time that a poll may wait.
Result<Millis> wait_of(const http::Request& request) {
  constexpr auto kMost = RemoteAgents::kLongestPoll.count();
  GALLEY_TRY(const auto wait_ms, query_integer(request, "wait_ms", kMost, 0, kMost));
  return Millis{wait_ms};
}

void poll(const Context& context, const http::Exchange& exchange) {
  const http::Request& request = exchange.request();
  const auto refuse = [&](const Error& error) {
    exchange.responder()(http::problem(error, request.id));
  };
  const auto agent = agent_of(context, request);
  if (!agent) return refuse(agent.error());
  const auto after = query_integer(request, "after", 0, 0, std::int64_t{1} << 60);
  if (!after) return refuse(after.error());
  const auto wait = wait_of(request);
  if (!wait) return refuse(wait.error());
  context.services.agents->poll(
      agent->node, query_text(request, "session"), *after, *wait,
      [responder = exchange.responder(), id = request.id](Result<std::string> body) {
        responder(body ? printed(*std::move(body)) : http::problem(body.error(), id));
      });
}

Result<http::Response> heartbeat(const Context& context, const http::Request& request) {
  GALLEY_TRY(const auto agent, agent_of(context, request));
  GALLEY_TRY(auto message, protocol::read_message<protocol::Heartbeat>(request.body));
  GALLEY_TRY_STATUS(context.services.agents->heartbeat(agent.node, std::move(message)));
  return no_content();
}

Result<http::Response> take_samples(const Context& context, const http::Request& request) {
  GALLEY_TRY(const auto agent, agent_of(context, request));
  GALLEY_TRY(auto sample, protocol::read_message<protocol::NodeSample>(request.body));
  sample.node = agent.node;
  context.telemetry->add(agent.node, agent.name, sample);
  GALLEY_TRY_STATUS(context.services.agents->samples(agent.node, std::move(sample)));
  return no_content();
}

Result<http::Response> attach(const Context& context, const http::Request& request) {
  GALLEY_TRY(const auto agent, agent_of(context, request));
  GALLEY_TRY(auto message, protocol::read_message<protocol::AttachRequest>(request.body));
  GALLEY_TRY(const auto answer, context.services.agents->attach(agent, std::move(message),
                                                                host_of(request.peer.address)));
  return printed(protocol::print_message(answer));
}

}  // namespace

Result<AgentRegistry::Agent> agent_of(const Context& context, const http::Request& request) {
  const auto token = bearer_token(request.headers.get("Authorization"));
  if (token)
    if (auto agent = context.services.agent_registry->find(*token)) return *std::move(agent);
  return Error{Errc::unauthenticated,
               "this agent is not known here: its node was removed, or it joined elsewhere",
               {},
               {},
               "start it on an empty folder with a token of `galley nodes join-token`"};
}

std::optional<http::Response> check_agent(const Context& context, const http::Request& request,
                                          std::string_view pattern) {
  if (context.services.agents == nullptr)
    return http::problem(Error{Errc::not_found, "this server takes no agents"}, request.id);
  if (pattern == kJoinPattern) return std::nullopt;
  if (const auto agent = agent_of(context, request); !agent)
    return http::problem(agent.error(), request.id);
  return std::nullopt;
}

void add_agent_routes(Endpoints& endpoints, Context& context) {
  endpoints.add_internal(
      "POST", kJoinPattern, http::Run::pool,
      [&context](const http::Request& request) -> Result<http::Response> {
        GALLEY_TRY(const auto message, protocol::read_message<protocol::JoinRequest>(request.body));
        GALLEY_TRY(const auto answer, context.services.agent_registry->join(message, request.id));
        return printed(protocol::print_message(answer));
      });
  endpoints.add_internal(
      "POST", "/internal/v1/attach", http::Run::pool,
      [&context](const http::Request& request) { return attach(context, request); });
  endpoints.add_internal(
      "POST", "/internal/v1/heartbeat", http::Run::inline_on_io,
      [&context](const http::Request& request) { return heartbeat(context, request); });
  endpoints.add_internal(
      "POST", "/internal/v1/samples", http::Run::pool,
      [&context](const http::Request& request) { return take_samples(context, request); });
  endpoints.add_internal_deferred(
      "GET", "/internal/v1/messages", http::Run::inline_on_io,
      [&context](const http::Exchange& exchange) { poll(context, exchange); });
  endpoints.add_internal_deferred(
      "POST", "/internal/v1/report", http::Run::pool, [&context](const http::Exchange& exchange) {
        const auto done = answer_to(exchange);
        const auto agent = agent_of(context, exchange.request());
        if (!agent) return done(agent.error());
        auto report = protocol::read_message<protocol::AttemptReport>(exchange.request().body);
        if (!report) return done(std::move(report).error());
        context.services.agents->report(agent->node, *std::move(report), done);
      });
  add_agent_data_routes(endpoints, context);
}

}  // namespace galley::api
