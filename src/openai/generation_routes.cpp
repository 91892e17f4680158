#include "error_reply.h"
#include "generation.h"
#include "service_impl.h"
#include "streamed_answer.h"

namespace galley::openai {
namespace {

http::Headers event_headers() {
  http::Headers headers;
  headers.set("Content-Type", "text/event-stream; charset=utf-8");
  headers.set("Cache-Control", "no-cache");
  headers.set("X-Accel-Buffering", "no");  // a proxy must not gather tokens
  return headers;
}

Status answer_streamed(Service::Impl& service, const http::Exchange& exchange, Plan plan) {
  const auto generation = std::make_shared<Generation>(*plan.model);
  const std::weak_ptr<Generation> weak = generation;
  const auto cancel = [weak] {
    if (const auto alive = weak.lock()) alive->cancel();
  };
  // Given up on the engine's thread, which must not call the engine.
  const auto writer = std::make_shared<EventWriter>(
      service.clock, [&service, cancel] { service.worker.submit(cancel); });
  const std::size_t prompts = plan.requests.size();
  GALLEY_TRY_STATUS(
      generation->start(std::move(plan.requests),
                        std::make_shared<StreamedAnswer>(std::move(plan.style), prompts, writer)));
  const http::Stream stream = exchange.stream(200, event_headers());
  stream.on_close(cancel);
  stream.on_drain([late = std::weak_ptr<EventWriter>(writer)] {
    if (const auto alive = late.lock()) alive->flush();
  });
  writer->attach(stream);
  return ok();
}

Status answer_whole(const http::Exchange& exchange, Plan plan) {
  const auto generation = std::make_shared<Generation>(*plan.model);
  const std::size_t prompts = plan.requests.size();
  auto sink = std::make_shared<WholeAnswer>(
      std::move(plan.style), prompts,
      [responder = exchange.responder()](Result<std::string> answer) {
        responder(answer ? http::Response::json(*std::move(answer)) : error_reply(answer.error()));
      });
  GALLEY_TRY_STATUS(generation->start(std::move(plan.requests), std::move(sink)));
  exchange.on_hang_up([weak = std::weak_ptr<Generation>(generation)] {
    if (const auto alive = weak.lock()) alive->cancel();
  });
  return ok();
}

template <class Request>
using PlanFunction = Result<Plan> (*)(const Planning&, const Request&);

template <class Request>
void generate(Service::Impl& service, const http::Exchange& exchange,
              Result<Request> (*parse)(const Json&), PlanFunction<Request> make_plan) {
  const auto begin = [&]() -> Status {
    GALLEY_TRY_STATUS(check_draining(service));
    GALLEY_TRY(const Json body, parse_body(exchange.request().body));
    GALLEY_TRY(Request request, parse(body));
    // Fairness is between those who ask, where we know them.
    if (request.user.empty()) request.user = exchange.request().principal;
    GALLEY_TRY(Plan plan, make_plan(service.planning, request));
    return request.stream ? answer_streamed(service, exchange, std::move(plan))
                          : answer_whole(exchange, std::move(plan));
  };
  if (const auto status = begin(); !status) exchange.responder()(error_reply(status.error()));
}

}  // namespace

void add_generation_routes(std::vector<Route>& routes, Service::Impl& service) {
  routes.push_back({.method = "POST",
                    .pattern = "/v1/completions",
                    .summary = "Goes on with a prompt.",
                    .handler = [&service](const http::Exchange& exchange) {
                      generate<CompletionRequest>(service, exchange, parse_completion,
                                                  plan_completion);
                    }});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/chat/completions",
                    .summary = "Answers the last message of a conversation.",
                    .handler = [&service](const http::Exchange& exchange) {
                      generate<ChatRequest>(service, exchange, parse_chat, plan_chat);
                    }});
}

}  // namespace galley::openai
