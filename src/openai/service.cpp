#include "openai/service.h"

#include <algorithm>
#include <utility>

#include "error_reply.h"
#include "service_impl.h"

namespace galley::openai {
namespace {

/// OpenAI's own limit for the file of a batch is 200 MB.
constexpr std::size_t kMaxUploadBytes = 200U << 20U;

http::Response text_of_metrics(std::string text) {
  auto response = http::Response::text(std::move(text));
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

Route open_to_all(Route route) {
  route.open = true;
  return route;
}

}  // namespace

Route plain(std::string method, std::string pattern, http::Run run, std::string summary,
            Answer answer) {
  return {.method = std::move(method),
          .pattern = std::move(pattern),
          .run = run,
          .summary = std::move(summary),
          .handler = [answer = std::move(answer)](const http::Exchange& exchange) {
            auto response = answer(exchange.request());
            exchange.responder()(response ? *std::move(response) : error_reply(response.error()));
          }};
}

Status check_draining(const Service::Impl& service) {
  if (!service.draining) return ok();
  return Error{Errc::unavailable, "the server is stopping", {}, {}, "ask another one"};
}

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Service>> Service::open(TextModels& models, const Clock& clock,
                                               ServiceOptions options) {
  auto impl = std::make_unique<Impl>(models, clock, std::move(options));
  if (!impl->options.data.empty()) {
    GALLEY_TRY(impl->files, FileStore::open(impl->options.data / "files", clock, impl->ids));
    GALLEY_TRY(impl->batches,
               Batches::open(impl->options.data / "batches", *impl->files, impl->planning));
  }
  return std::unique_ptr<Service>(new Service(std::move(impl)));
}

Service::~Service() {
  if (impl_->batches) impl_->batches->stop();
}

std::vector<Route> Service::routes() {
  std::vector<Route> routes;
  add_generation_routes(routes, *impl_);
  add_embedding_routes(routes, *impl_);
  add_model_routes(routes, *impl_);
  if (impl_->files) {
    add_file_routes(routes, *impl_);
    add_batch_routes(routes, *impl_);
  }
  return routes;
}

std::vector<Route> Service::server_routes() {
  std::vector<Route> routes;
  routes.push_back(open_to_all(plain(
      "GET", "/health", http::Run::inline_on_io, "Says whether requests are answered.",
      [this](const http::Request&) -> Result<http::Response> {
        GALLEY_TRY_STATUS(check_draining(*impl_));
        if (!impl_->warm || !impl_->models.ready())
          return Error{
              Errc::unavailable, "the model is being loaded", {}, {}, "ask again in a second"};
        return http::Response::json(R"({"status":"ok"})");
      })));
  routes.push_back(open_to_all(
      plain("GET", "/version", http::Run::inline_on_io, "Says which version serves.",
            [this](const http::Request&) -> Result<http::Response> {
              return http::Response::json(dump_json({{"version", impl_->options.version}}));
            })));
  routes.push_back(plain("GET", "/metrics", http::Run::pool,
                         "Counters in the text form of Prometheus.",
                         [this](const http::Request&) -> Result<http::Response> {
                           return text_of_metrics(metrics());
                         }));
  add_token_routes(routes, *impl_);
  for (const char* method : {"GET", "POST", "PUT", "DELETE"})
    routes.push_back(
        open_to_all(plain(method, "/{path...}", http::Run::inline_on_io, "Everything else.",
                          [](const http::Request& request) -> Result<http::Response> {
                            return Error{Errc::not_found, "there is nothing at " + request.method +
                                                              " " + request.path};
                          })));
  return routes;
}

std::map<std::string, std::size_t, std::less<>> Service::body_bytes_of_route() {
  return {{"/v1/files", kMaxUploadBytes}};
}

void Service::on_change(Notice notice) { impl_->changed = std::move(notice); }

void Service::begin_drain() {
  impl_->draining = true;
  if (impl_->batches) impl_->batches->stop();
}

bool Service::idle() const {
  const auto models = impl_->models.all();
  return std::ranges::none_of(models, [](const TextModel* model) { return model->in_use(); });
}

std::string Service::metrics() const { return print_metrics(impl_->models); }

void add_routes(http::Router& router, std::vector<Route> routes) {
  for (Route& route : routes)
    router.add_deferred(route.method, route.pattern, route.run, std::move(route.handler));
}

http::Response error_answer(const Error& error) { return error_reply(error); }

}  // namespace galley::openai
