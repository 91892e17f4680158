#include "reply.h"

#include <charconv>
#include <utility>

namespace galley::api {

http::Response reply(const Json& body, int status) {
  return http::Response::json(dump_json(body), status);
}

http::Response no_content() { return http::Response{204, {}, {}}; }

http::Response reply_list(Json items, const std::string& next_cursor) {
  Json body{{"items", std::move(items)}};
  if (!next_cursor.empty()) body["next_cursor"] = next_cursor;
  return reply(body);
}

Json list_schema(Json item) {
  Json schema =
      object_schema({{"items", list_of(std::move(item))}, {"next_cursor", type_schema("string")}});
  schema["required"] = {"items"};
  return schema;
}

Json object_schema(Json properties) {
  return {{"type", "object"}, {"properties", std::move(properties)}};
}
Json type_schema(const char* type) { return {{"type", type}}; }
Json list_of(Json item) { return {{"type", "array"}, {"items", std::move(item)}}; }

std::vector<Parameter> list_parameters(bool with_filter) {
  std::vector<Parameter> parameters{
      {"limit", "At most this many items; 50 when absent.", "integer"},
      {"cursor", "The next_cursor of the page before."}};
  if (with_filter)
    parameters.push_back({"filter", R"(A condition, such as state = "running" and team = "nlp".)"});
  return parameters;
}

Result<std::int64_t> query_integer(const http::Request& request, std::string_view name,
                                   std::int64_t fallback, std::int64_t minimum,
                                   std::int64_t maximum) {
  const auto text = request.query_value(name);
  if (!text) return fallback;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc{} && end == text->data() + text->size() && value >= minimum &&
      value <= maximum)
    return value;
  return Error{Errc::invalid_argument, "found '" + std::string(text->substr(0, 40)) + "'",
               std::string(name),
               "a whole number from " + std::to_string(minimum) + " to " + std::to_string(maximum)};
}

Result<std::int64_t> query_limit(const http::Request& request) {
  return query_integer(request, "limit", kDefaultLimit, 1, kMaxLimit);
}

std::string query_text(const http::Request& request, std::string_view name) {
  return std::string(request.query_value(name).value_or(std::string_view{}));
}

controller::Caller caller_of(const http::Request& request) {
  return {
      .principal = request.principal, .request_id = request.id, .address = request.peer.address};
}

Result<Json> body_json(const http::Request& request) {
  if (request.body.empty()) return Json::object();
  return parse_json(request.body);
}

}  // namespace galley::api
