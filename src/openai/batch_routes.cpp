#include "paging.h"
#include "service_impl.h"

namespace galley::openai {
namespace {

http::Response reply(const BatchRecord& batch) {
  return http::Response::json(dump_json(print_batch(batch)));
}

}  // namespace

void add_batch_routes(std::vector<Route>& routes, Service::Impl& service) {
  using enum http::Run;
  routes.push_back(plain("POST", "/v1/batches", pool, "Begins a batch of requests in a file.",
                         [&service](const http::Request& request) -> Result<http::Response> {
                           GALLEY_TRY_STATUS(check_draining(service));
                           GALLEY_TRY(const Json body, parse_body(request.body));
                           GALLEY_TRY(const auto batch, service.batches->create(body));
                           service.changed(request, "batch.create", batch.id);
                           return reply(batch);
                         }));
  routes.push_back(plain("GET", "/v1/batches", pool, "Lists the batches, newest first.",
                         [&service](const http::Request& request) -> Result<http::Response> {
                           std::vector<Json> all;
                           for (const auto& batch : service.batches->list())
                             all.push_back(print_batch(batch));
                           GALLEY_TRY(const Json page, page_of(all, request));
                           return http::Response::json(dump_json(page));
                         }));
  routes.push_back(plain("GET", "/v1/batches/{id}", pool, "How far a batch is.",
                         [&service](const http::Request& request) -> Result<http::Response> {
                           GALLEY_TRY(const auto batch, service.batches->find(request.param("id")));
                           return reply(batch);
                         }));
  routes.push_back(
      plain("POST", "/v1/batches/{id}/cancel", pool, "Gives up what a batch has not answered yet.",
            [&service](const http::Request& request) -> Result<http::Response> {
              GALLEY_TRY(const auto batch, service.batches->cancel(request.param("id")));
              service.changed(request, "batch.cancel", batch.id);
              return reply(batch);
            }));
}

}  // namespace galley::openai
