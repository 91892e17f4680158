#include <memory>

#include "context.h"
#include "protocol/job_spec.h"
#include "reply.h"

namespace galley::api {

void add_openapi_routes(Endpoints& endpoints, Context& context) {
  endpoints.add(
      "GET", "/api/v1/schemas/{kind}", http::Run::inline_on_io,
      {.summary = "The JSON Schema of a file's kind: job.", .response = type_schema("object")},
      [](const http::Request& request) -> Result<http::Response> {
        const auto kind = request.param("kind");
        if (kind != "job")
          return Error{Errc::not_found,
                       "there is no schema of kind '" + std::string(kind.substr(0, 40)) + "'",
                       {},
                       "job"};
        Json schema = protocol::schema_of<protocol::JobSpec>();
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
        schema["title"] = "job";
        return reply(schema);
      });
  const auto document = std::make_shared<std::string>();
  endpoints.add("GET", "/api/v1/openapi.json", http::Run::inline_on_io,
                {.summary = "This description.", .response = type_schema("object")},
                [document](const http::Request&) -> Result<http::Response> {
                  return http::Response::json(*document);
                });
  *document = dump_json(endpoints.document(context.services.version));
}

}  // namespace galley::api
