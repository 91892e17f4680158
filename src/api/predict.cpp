#include <memory>

#include "context.h"
#include "prediction.h"
#include "reply.h"
#include "serving/model_host.h"
#include "serving/predict_json.h"

namespace galley::api {
namespace {

// A larger body would keep other connections waiting for the I/O thread.
constexpr std::size_t kInlineBodyBytes = 16 << 10;

Result<std::string> predict(Context& context, const http::Request& request, Instant began) {
  GALLEY_TRY(const auto body, serving::parse_predict(request.body));
  GALLEY_TRY(const auto answer, context.services.models.predict(body.model, body.views()));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  return serving::print_predict(answer, took.count(), body.single);
}

Json predict_request_schema() {
  Json schema = object_schema({{"model", type_schema("string")},
                               {"text", type_schema("string")},
                               {"texts", list_of(type_schema("string"))}});
  schema["required"] = {"model"};
  return schema;
}

Json predict_answer_schema() {
  const Json probabilities{{"type", "object"}, {"additionalProperties", type_schema("number")}};
  const Json prediction =
      object_schema({{"label", type_schema("string")}, {"probabilities", probabilities}});
  return object_schema({{"model", type_schema("string")},
                        {"snapshot_id", type_schema("string")},
                        {"snapshot", type_schema("string")},
                        {"label", type_schema("string")},
                        {"probabilities", probabilities},
                        {"predictions", list_of(prediction)},
                        {"time_ms", type_schema("number")}});
}

}  // namespace

void serve_prediction(Context& context, const http::Exchange& exchange, PredictionHandler handler) {
  const auto run = [&context, handler, responder = exchange.responder(), exchange] {
    const Instant began = std::chrono::steady_clock::now();
    responder(handler(context, exchange.request(), began));
    context.metrics.prediction(std::chrono::steady_clock::now() - began);
  };
  if (exchange.request().body.size() <= kInlineBodyBytes) return run();
  if (context.worker.submit(run)) return;
  exchange.responder()(http::problem(
      {Errc::unavailable, "the server is busy: " + std::to_string(Worker::kMaxQueued) +
                              " large predictions wait already"},
      exchange.request().id));
}

void add_predict_routes(Endpoints& endpoints, Context& context) {
  endpoints.add_deferred(
      "POST", "/v1/predict", http::Run::inline_on_io,
      {.summary = "Classifies a text, or a list of texts, with a deployed model.",
       .request = predict_request_schema(),
       .response = predict_answer_schema(),
       .access = Access::predict},
      [&context](const http::Exchange& exchange) {
        serve_prediction(context, exchange,
                         [](Context& of, const http::Request& request, Instant began) {
                           auto body = predict(of, request, began);
                           return body ? http::Response::json(*std::move(body))
                                       : http::problem(body.error(), request.id);
                         });
      });
}

}  // namespace galley::api
