#include "service_impl.h"

namespace galley::openai {
namespace {

Json model_object(const TextModel& model) {
  const TextModelFacts& facts = model.facts();
  Json object{{"id", model.name()},
              {"object", "model"},
              {"created", model.created_s()},
              {"owned_by", "galley"},
              {"context_length", model.context()},
              {"architecture", facts.architecture},
              {"parameters", facts.parameters},
              {"size_bytes", facts.file_bytes}};
  if (!facts.snapshot.empty()) object["snapshot"] = facts.snapshot;
  return object;
}

Json adapter_object(const TextModel& model, const std::string& adapter) {
  Json object{{"id", model.name() + ":" + adapter}, {"object", "model"},
              {"created", model.created_s()},       {"owned_by", "galley"},
              {"context_length", model.context()},  {"parent", model.name()}};
  if (const auto snapshot = model.snapshot(adapter); !snapshot.empty())
    object["snapshot"] = snapshot;
  return object;
}

Json list_models(const TextModels& models) {
  Json data = Json::array();
  for (const TextModel* model : models.all()) {
    data.push_back(model_object(*model));
    for (const auto& [adapter, index] : model->adapters())
      data.push_back(adapter_object(*model, adapter));
  }
  return {{"object", "list"}, {"data", std::move(data)}};
}

}  // namespace

void add_model_routes(std::vector<Route>& routes, Service::Impl& service) {
  routes.push_back(plain("GET", "/v1/models", http::Run::inline_on_io, "Lists the language models.",
                         [&service](const http::Request&) -> Result<http::Response> {
                           return http::Response::json(dump_json(list_models(service.models)));
                         }));
  routes.push_back(plain(
      "GET", "/v1/models/{model}", http::Run::inline_on_io, "Describes a language model.",
      [&service](const http::Request& request) -> Result<http::Response> {
        GALLEY_TRY(const auto found, service.models.find(request.param("model")));
        const auto mark = found.name.find(':');
        return http::Response::json(dump_json(
            mark == std::string::npos ? model_object(*found.model)
                                      : adapter_object(*found.model, found.name.substr(mark + 1))));
      }));
}

}  // namespace galley::openai
