#include "base/log.h"
#include "context.h"
#include "openai/service.h"
#include "reply.h"
#include "route_rules.h"

// OpenAI's API, with its own paths, shapes and errors, behind this server's authentication.
namespace galley::api {
namespace {

/// Generating is what the server is for, as predicting is; files and batches are kept.
Access access_of(std::string_view pattern) {
  const bool is_kept = pattern.starts_with("/v1/files") || pattern.starts_with("/v1/batches");
  return is_kept ? Access::owner : Access::predict;
}

}  // namespace

void add_language_routes(Endpoints& endpoints, Context& context) {
  openai::Service* const language = context.services.language;
  if (language == nullptr) return;
  language->on_change([&context](const http::Request& request, std::string action,
                                 std::string subject) {
    const auto status = audit(context, request, std::move(action), std::move(subject));
    if (!status)
      log::warn("api", "a change is not in the audit log", {{"reason", describe(status.error())}});
  });
  for (openai::Route& route : language->routes()) {
    Doc doc{.summary = route.summary,
            .response = type_schema("object"),
            .access = access_of(route.pattern)};
    if (route.method == "POST") doc.request = type_schema("object");
    if (route.pattern == "/v1/files") doc.request_type = "multipart/form-data";
    endpoints.add_deferred(route.method, route.pattern, route.run, std::move(doc),
                           std::move(route.handler));
  }
}

}  // namespace galley::api
