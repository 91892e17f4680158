#include "endpoints.h"

#include <algorithm>
#include <utility>

#include "route_rules.h"

namespace galley::api {
namespace {

std::string key_of(std::string_view method, std::string_view pattern) {
  return std::string(method) + " " + std::string(pattern);
}

/// The names in "/jobs/{id}/logs", and the pattern as OpenAPI writes it ("{rest...}" is "{rest}").
std::vector<std::string> names_in(std::string_view pattern, std::string& path) {
  std::vector<std::string> names;
  path = pattern;
  for (std::size_t at = path.find("..."); at != std::string::npos; at = path.find("..."))
    path.erase(at, 3);
  for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1))
    names.push_back(path.substr(at + 1, path.find('}', at) - at - 1));
  return names;
}

Json problem_schema() {
  Json properties = Json::object();
  for (const char* name : {"type", "title", "detail", "field", "expected", "hint", "request_id"})
    properties[name] = {{"type", "string"}};
  properties["status"] = {{"type", "integer"}};
  return {{"type", "object"},
          {"properties", properties},
          {"required", {"type", "title", "status", "detail", "request_id"}}};
}

Json content(const std::string& type, const Json& schema) {
  Json media = Json::object();
  if (!schema.is_null()) media["schema"] = schema;
  return {{type, media}};
}

Json parameters_of(const std::vector<std::string>& path_names, const Doc& doc) {
  Json list = Json::array();
  for (const auto& name : path_names)
    list.push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  for (const auto& parameter : doc.query) {
    Json schema{{"type", parameter.type}};
    if (parameter.repeated) schema = {{"type", "array"}, {"items", schema}};
    list.push_back({{"name", parameter.name},
                    {"in", "query"},
                    {"description", parameter.doc},
                    {"schema", schema}});
  }
  return list;
}

std::string operation_id(const std::string& method, const std::string& path) {
  std::string id = method;
  std::ranges::transform(id, id.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  for (const char c : path)
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')
      id += c;
    else if (!id.ends_with('-'))
      id += '-';
  while (id.ends_with('-')) id.pop_back();
  return id;
}

}  // namespace

void Endpoints::describe(std::string_view method, std::string_view pattern, Doc doc) {
  GALLEY_CHECK(!doc.summary.empty(), "a route is described");
  const auto rule = rule_of(method, pattern);
  rights_.emplace(key_of(method, pattern),
                  Rights{doc.access, rule ? rule->action : accounts::Action::administer});
  routes_.push_back({std::string(method), std::string(pattern), std::move(doc)});
}

void Endpoints::add(std::string_view method, std::string_view pattern, http::Run run, Doc doc,
                    Answer answer) {
  describe(method, pattern, std::move(doc));
  add_internal(method, pattern, run, std::move(answer));
}

void Endpoints::add_internal(std::string_view method, std::string_view pattern, http::Run run,
                             Answer answer) {
  router_.add(method, pattern, run, [answer = std::move(answer)](const http::Request& request) {
    auto response = answer(request);
    return response ? *std::move(response) : http::problem(response.error(), request.id);
  });
}

void Endpoints::add_deferred(std::string_view method, std::string_view pattern, http::Run run,
                             Doc doc, http::DeferredHandler handler) {
  describe(method, pattern, std::move(doc));
  router_.add_deferred(method, pattern, run, std::move(handler));
}

void Endpoints::add_alias(std::string_view method, std::string_view pattern,
                          std::string_view described, http::Run run,
                          http::DeferredHandler handler) {
  rights_.emplace(key_of(method, pattern),
                  Rights{access(method, described), action(method, described)});
  router_.add_deferred(method, pattern, run, std::move(handler));
}

void Endpoints::add_internal_deferred(std::string_view method, std::string_view pattern,
                                      http::Run run, http::DeferredHandler handler) {
  router_.add_deferred(method, pattern, run, std::move(handler));
}

Access Endpoints::access(std::string_view method, std::string_view pattern) const {
  const auto found = rights_.find(key_of(method == "HEAD" ? "GET" : method, pattern));
  return found == rights_.end() ? Access::owner : found->second.access;
}

accounts::Action Endpoints::action(std::string_view method, std::string_view pattern) const {
  const auto found = rights_.find(key_of(method == "HEAD" ? "GET" : method, pattern));
  return found == rights_.end() ? accounts::Action::administer : found->second.action;
}

Json Endpoints::document(const std::string& version) const {
  Json paths = Json::object();
  for (const auto& route : routes_) {
    std::string path;
    const auto names = names_in(route.pattern, path);
    Json operation{{"summary", route.doc.summary},
                   {"operationId", operation_id(route.method, path)}};
    if (auto parameters = parameters_of(names, route.doc); !parameters.empty())
      operation["parameters"] = std::move(parameters);
    if (!route.doc.request.is_null())
      operation["requestBody"] = {{"required", true},
                                  {"content", content(route.doc.request_type, route.doc.request)}};
    Json success{{"description", "Done."}};
    if (!route.doc.response.is_null() || route.doc.content_type != "application/json")
      success["content"] = content(route.doc.content_type, route.doc.response);
    operation["responses"] = {{std::to_string(route.doc.status), success},
                              {"default",
                               {{"description", "What went wrong."},
                                {"content", content("application/problem+json",
                                                    {{"$ref", "#/components/schemas/problem"}})}}}};
    if (route.doc.access == Access::anyone) operation["security"] = Json::array();
    const bool listed = rule_of(route.method, route.pattern).has_value();
    operation["x-galley-action"] =
        listed ? std::string(to_string(action(route.method, route.pattern))) : "unlisted";
    std::string method = operation_id(route.method, "");
    paths[path][method] = std::move(operation);
  }
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "Galley"}, {"version", version}}},
          {"paths", paths},
          {"security", Json::array({{{"token", Json::array()}}, {{"session", Json::array()}}})},
          {"components",
           {{"schemas", {{"problem", problem_schema()}}},
            {"securitySchemes",
             {{"token", {{"type", "http"}, {"scheme", "bearer"}}},
              {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "galley_session"}}}}}}}};
}

}  // namespace galley::api
