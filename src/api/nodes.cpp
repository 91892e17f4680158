#include "context.h"
#include "protocol/records.h"
#include "reply.h"

namespace galley::api {

void add_node_routes(Endpoints& endpoints, Context& context) {
  endpoints.add(
      "GET", "/api/v1/nodes", http::Run::pool,
      {.summary = "Lists the machines, what they offer and how busy they are.",
       .response = list_schema(protocol::schema_of<protocol::NodeRecord>())},
      [&context](const http::Request&) -> Result<http::Response> {
        return reply_list(protocol::detail::print_value(context.services.controller.nodes()));
      });

  Json device_schema = protocol::schema_of<protocol::DeviceRecord>();
  device_schema["properties"]["node_id"] = type_schema("string");
  endpoints.add("GET", "/api/v1/devices", http::Run::pool,
                {.summary = "Lists the GPUs of all machines and which job holds each.",
                 .response = list_schema(std::move(device_schema))},
                [&context](const http::Request&) -> Result<http::Response> {
                  Json items = Json::array();
                  for (const auto& node : context.services.controller.nodes())
                    for (const auto& device : node.devices) {
                      Json item = protocol::print_struct(device);
                      item["node_id"] = node.id.str();
                      items.push_back(std::move(item));
                    }
                  return reply_list(std::move(items));
                });
}

}  // namespace galley::api
