// Who leads, who stands by, and how the lead changes hands.
#include "protocol/controllers.h"
#include "context.h"
#include "controller/controller.h"
#include "controller/leadership.h"
#include "reply.h"

namespace galley::api {
namespace {

/// An installation of one process leads itself.
protocol::ControllerRecord alone(const Context& context) {
  return {.name = "galley",
          .url = context.url(),
          .version = context.services.version,
          .role = "leader",
          .started_at = context.started,
          .epoch = context.services.controller.epoch()};
}

Result<http::Response> list(const Context& context) {
  std::vector<protocol::ControllerRecord> all;
  if (context.services.leadership == nullptr) {
    all.push_back(alone(context));
  } else {
    GALLEY_TRY(all, context.services.leadership->controllers());
  }
  return reply_list(protocol::detail::print_value(all));
}

Result<http::Response> hand_over(const Context& context, const http::Request& request) {
  if (context.services.leadership == nullptr)
    return Error{Errc::unsupported,
                 "this installation has one controller on a database of its own",
                 {},
                 {},
                 "several share one PostgreSQL: galley controller --database …"};
  GALLEY_TRY(const auto body, body_as<protocol::HandoverSpec>(request));
  GALLEY_TRY_STATUS(audit(context, request, "controller.handover", body.to));
  GALLEY_TRY(const std::string to, context.services.leadership->hand_over(body.to));
  return reply(Json{{"to", to}}, 202);
}

}  // namespace

void add_controller_routes(Endpoints& endpoints, Context& context) {
  endpoints.add("GET", "/api/v1/controllers", http::Run::pool,
                {.summary = "Lists the controllers of this installation and their roles.",
                 .response = list_schema(protocol::schema_of<protocol::ControllerRecord>())},
                [&context](const http::Request&) { return list(context); });
  endpoints.add("POST", "/api/v1/controllers/handover", http::Run::pool,
                {.summary = "Asks another controller to take the lead.",
                 .request = protocol::schema_of<protocol::HandoverSpec>(),
                 .response = object_schema({{"to", type_schema("string")}}),
                 .status = 202},
                [&context](const http::Request& request) { return hand_over(context, request); });
}

}  // namespace galley::api
