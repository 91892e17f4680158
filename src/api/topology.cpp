#include "base/text.h"
#include "cluster/topology_view.h"
#include "context.h"
#include "reply.h"

namespace galley::api {
namespace {

cluster::TopologyView topology_now(const Context& context) {
  auto nodes = context.services.controller.nodes();
  std::erase_if(nodes, [](const protocol::NodeRecord& node) { return node.state != "up"; });
  return cluster::view_of(nodes);
}

}  // namespace

void add_topology_routes(Endpoints& endpoints, Context& context) {
  endpoints.add("GET", "/api/v1/topology", http::Run::pool,
                {.summary = "Draws which GPUs of each machine lie close together, what of them is "
                            "free, and which sizes of jobs can never run.",
                 .response = protocol::schema_of<cluster::TopologyView>()},
                [&context](const http::Request&) -> Result<http::Response> {
                  return reply(protocol::print_struct(topology_now(context)));
                });
  endpoints.add("GET", "/api/v1/nodes/{id}/topology", http::Run::pool,
                {.summary = "The same for one machine, by its id or name.",
                 .response = protocol::schema_of<cluster::NodeView>()},
                [&context](const http::Request& request) -> Result<http::Response> {
                  const std::string wanted(request.param("id"));
                  const auto view = topology_now(context);
                  for (const cluster::NodeView& node : view.items)
                    if (node.node_id.str() == wanted || node.name == wanted)
                      return reply(protocol::print_struct(node));
                  return Error{Errc::not_found,
                               "there is no node '" + to_valid_utf8(wanted.substr(0, 64)) + "'",
                               {},
                               {},
                               "GET /api/v1/nodes lists them"};
                });
}

}  // namespace galley::api
