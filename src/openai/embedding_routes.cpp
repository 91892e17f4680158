#include "embeddings.h"
#include "error_reply.h"
#include "service_impl.h"

namespace galley::openai {

void add_embedding_routes(std::vector<Route>& routes, Service::Impl& service) {
  routes.push_back({.method = "POST",
                    .pattern = "/v1/embeddings",
                    .summary = "Turns texts into vectors.",
                    .handler = [&service](const http::Exchange& exchange) {
                      const auto begin = [&]() -> Status {
                        GALLEY_TRY_STATUS(check_draining(service));
                        GALLEY_TRY(const Json body, parse_body(exchange.request().body));
                        GALLEY_TRY(const auto request, parse_embedding(body));
                        return embed(
                            service.planning, request,
                            [responder = exchange.responder()](Result<std::string> answer) {
                              responder(answer ? http::Response::json(*std::move(answer))
                                               : error_reply(answer.error()));
                            });
                      };
                      if (const auto status = begin(); !status)
                        exchange.responder()(error_reply(status.error()));
                    }});
}

}  // namespace galley::openai
