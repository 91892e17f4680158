#include "context.h"
#include "prediction.h"
#include "reply.h"
#include "serving/model_host.h"
#include "serving/predict_json.h"

// The Open Inference Protocol (KServe v2) over HTTP, with its own paths, shapes and errors.
namespace galley::api {
namespace {

http::Response kserve_error(const Error& error) {
  return http::Response::json(dump_json({{"error", describe(error)}}), http::status_of(error.code));
}

std::string version_of(std::string_view snapshot_ref) {
  return std::string(snapshot_ref.substr(snapshot_ref.find('@') + 1));
}

http::Response infer(Context& context, const http::Request& request, Instant) {
  const auto body = serving::parse_infer(request.body);
  if (!body) return kserve_error(body.error());
  const auto answer = context.services.models.predict(request.param("model"), body->views());
  if (!answer) return kserve_error(answer.error());
  return http::Response::json(
      serving::print_infer(*answer, version_of(answer->snapshot_ref), body->id));
}

http::Response model_metadata(Context& context, const http::Request& request) {
  const auto model = context.services.models.find(request.param("model"));
  if (!model) return kserve_error(model.error());
  const auto labels = static_cast<std::int64_t>(model->labels.size());
  return reply({{"name", model->placement.model},
                {"versions", {version_of(model->placement.snapshot_ref)}},
                {"platform", "galley_" + model->family},
                {"inputs", {{{"name", "text"}, {"datatype", "BYTES"}, {"shape", {-1}}}}},
                {"outputs",
                 {{{"name", "label"}, {"datatype", "BYTES"}, {"shape", {-1}}},
                  {{"name", "probabilities"}, {"datatype", "FP32"}, {"shape", {-1, labels}}}}}});
}

Json tensor_schema() {
  return object_schema({{"name", type_schema("string")},
                        {"datatype", type_schema("string")},
                        {"shape", list_of(type_schema("integer"))},
                        {"data", type_schema("array")}});
}

void add_health(Endpoints& endpoints) {
  for (const char* state : {"live", "ready"})
    endpoints.add("GET", std::string("/v2/health/") + state, http::Run::inline_on_io,
                  {.summary = std::string("Says whether the server is ") + state + ".",
                   .response = object_schema({{state, type_schema("boolean")}}),
                   .access = Access::anyone},
                  [state](const http::Request&) -> Result<http::Response> {
                    return reply({{state, true}});
                  });
}

}  // namespace

void add_kserve_routes(Endpoints& endpoints, Context& context) {
  add_health(endpoints);
  endpoints.add("GET", "/v2", http::Run::inline_on_io,
                {.summary = "Names the server to KServe clients.",
                 .response = object_schema({{"name", type_schema("string")},
                                            {"version", type_schema("string")},
                                            {"extensions", list_of(type_schema("string"))}}),
                 .access = Access::predict},
                [&context](const http::Request&) -> Result<http::Response> {
                  return reply({{"name", "galley"},
                                {"version", context.services.version},
                                {"extensions", Json::array()}});
                });
  endpoints.add("GET", "/v2/models/{model}", http::Run::inline_on_io,
                {.summary = "Describes the tensors of a served model.",
                 .response = object_schema({{"name", type_schema("string")},
                                            {"versions", list_of(type_schema("string"))},
                                            {"platform", type_schema("string")},
                                            {"inputs", list_of(tensor_schema())},
                                            {"outputs", list_of(tensor_schema())}}),
                 .access = Access::predict},
                [&context](const http::Request& request) -> Result<http::Response> {
                  return model_metadata(context, request);
                });
  endpoints.add("GET", "/v2/models/{model}/ready", http::Run::inline_on_io,
                {.summary = "Says whether a model can answer.",
                 .response = object_schema(
                     {{"name", type_schema("string")}, {"ready", type_schema("boolean")}}),
                 .access = Access::predict},
                [&context](const http::Request& request) -> Result<http::Response> {
                  const auto model = context.services.models.find(request.param("model"));
                  if (!model) return kserve_error(model.error());
                  return reply({{"name", model->placement.model}, {"ready", true}});
                });
  endpoints.add_deferred(
      "POST", "/v2/models/{model}/infer", http::Run::inline_on_io,
      {.summary = "Classifies a tensor of texts.",
       .request =
           object_schema({{"id", type_schema("string")}, {"inputs", list_of(tensor_schema())}}),
       .response = object_schema({{"model_name", type_schema("string")},
                                  {"model_version", type_schema("string")},
                                  {"id", type_schema("string")},
                                  {"outputs", list_of(tensor_schema())}}),
       .access = Access::predict},
      [&context](const http::Exchange& exchange) { serve_prediction(context, exchange, infer); });
}

}  // namespace galley::api
