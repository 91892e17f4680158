#include "alerts/alerts.h"

#include <algorithm>

#include "context.h"
#include "reply.h"

namespace galley::api {
namespace {

using alerts::Firing;
using alerts::StoredRule;

Json print_rule(const StoredRule& rule) {
  Json printed{{"name", rule.name},
               {"expression", rule.expression},
               {"principal", rule.principal},
               {"created_at", to_rfc3339(rule.created_at)},
               {"firing", rule.firing}};
  if (!rule.webhook.empty()) printed["webhook"] = rule.webhook;
  if (!rule.command.empty()) printed["command"] = rule.command;
  return printed;
}

Json print_firing(const Firing& firing) {
  Json printed{{"seq", firing.seq},
               {"rule", firing.rule},
               {"subject", firing.subject},
               {"state", firing.resolved_at ? "resolved" : "firing"},
               {"value", firing.value},
               {"since", to_rfc3339(firing.since)},
               {"fired_at", to_rfc3339(firing.fired_at)}};
  if (firing.resolved_at) printed["resolved_at"] = to_rfc3339(*firing.resolved_at);
  return printed;
}

Result<std::string> text_field(const Json& body, const char* field) {
  const auto found = body.find(field);
  if (found == body.end() || found->is_null()) return std::string();
  if (!found->is_string()) return protocol::detail::wrong_type(field, "a text", *found);
  return found->get<std::string>();
}

Result<StoredRule> read_rule(const Json& body) {
  static const std::vector<std::string> kFields{"name", "expression", "webhook", "command"};
  if (!body.is_object()) return protocol::detail::wrong_type("", "an object", body);
  for (const auto& [field, value] : body.items())
    if (std::ranges::find(kFields, field) == kFields.end())
      return protocol::detail::unknown_field("", field, kFields);
  StoredRule rule;
  GALLEY_TRY(rule.name, text_field(body, "name"));
  GALLEY_TRY(rule.expression, text_field(body, "expression"));
  GALLEY_TRY(rule.webhook, text_field(body, "webhook"));
  if (const auto command = body.find("command"); command != body.end() && !command->is_null()) {
    if (!command->is_array()) return protocol::detail::wrong_type("command", "a list", *command);
    for (const Json& word : *command) {
      if (!word.is_string()) return protocol::detail::wrong_type("command", "a text", word);
      rule.command.push_back(word.get<std::string>());
    }
  }
  return rule;
}

Result<http::Response> add_alert(const Context& context, const http::Request& request) {
  GALLEY_TRY(const auto body, body_json(request));
  GALLEY_TRY(auto rule, read_rule(body));
  rule.principal = request.principal;
  GALLEY_TRY(const auto added, context.alerts->add(std::move(rule)));
  GALLEY_TRY_STATUS(audit(context, request, "alert.add", added.name));
  auto response = reply(print_rule(added), 201);
  response.headers.set("Location", "/api/v1/alerts/" + added.name);
  return response;
}

Json rule_schema(bool as_answer) {
  Json properties{{"name", type_schema("string")},
                  {"expression", type_schema("string")},
                  {"webhook", type_schema("string")},
                  {"command", list_of(type_schema("string"))}};
  if (as_answer) {
    properties["principal"] = type_schema("string");
    properties["created_at"] = type_schema("string");
    properties["firing"] = type_schema("integer");
  }
  return object_schema(std::move(properties));
}

Json firing_schema() {
  Json properties{{"seq", type_schema("integer")}, {"value", type_schema("number")}};
  for (const char* name : {"rule", "subject", "state", "since", "fired_at", "resolved_at"})
    properties[name] = type_schema("string");
  return object_schema(std::move(properties));
}

}  // namespace

void add_alert_routes(Endpoints& endpoints, Context& context) {
  const std::string base = "/api/v1/alerts";
  endpoints.add("GET", base, http::Run::pool,
                {.summary = "Lists alerts: what each watches, and whom it tells.",
                 .response = list_schema(rule_schema(true))},
                [&context](const http::Request&) -> Result<http::Response> {
                  Json items = Json::array();
                  for (const StoredRule& rule : context.alerts->rules())
                    items.push_back(print_rule(rule));
                  return reply_list(std::move(items));
                });
  endpoints.add("POST", base, http::Run::pool,
                {.summary = "Adds an alert, such as team_idle_gpus >= 8 for 1h, which tells a "
                            "webhook (POST) or a command (JSON on its stdin).",
                 .request = rule_schema(false),
                 .response = rule_schema(true),
                 .status = 201},
                [&context](const http::Request& request) { return add_alert(context, request); });
  endpoints.add("DELETE", base + "/{name}", http::Run::pool,
                {.summary = "Removes an alert; what it fires about is over.", .status = 204},
                [&context](const http::Request& request) -> Result<http::Response> {
                  const std::string name(request.param("name"));
                  GALLEY_TRY_STATUS(context.alerts->remove(name));
                  GALLEY_TRY_STATUS(audit(context, request, "alert.remove", name));
                  return no_content();
                });
  endpoints.add("GET", base + "/firings", http::Run::pool,
                {.summary = "When alerts fired and about what, newest first.",
                 .response = list_schema(firing_schema()),
                 .query = {{"open", "1: only what fires now.", "integer"},
                           {"limit", "At most this many items; 50 when absent.", "integer"}}},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto open, query_integer(request, "open", 0, 0, 1));
                  GALLEY_TRY(const auto limit, query_limit(request));
                  GALLEY_TRY(const auto found, context.alerts->firings(open == 1, limit));
                  Json items = Json::array();
                  for (const Firing& firing : found) items.push_back(print_firing(firing));
                  return reply_list(std::move(items));
                });
}

}  // namespace galley::api
