#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "controller/controller.h"
#include "endpoints.h"
#include "http/message.h"
#include "protocol/field_table.h"

namespace galley::api {

inline constexpr std::int64_t kDefaultLimit = 50;
inline constexpr std::int64_t kMaxLimit = 500;

http::Response reply(const Json& body, int status = 200);
http::Response no_content();

/// {items, next_cursor?}: the form of every list.
http::Response reply_list(Json items, const std::string& next_cursor = {});
Json list_schema(Json item);
/// {type: object} with these properties, for answers that no field table prints.
Json object_schema(Json properties);
Json type_schema(const char* type);
Json list_of(Json item);

/// The query parameters of every list, for its description.
std::vector<Parameter> list_parameters(bool with_filter = false);

/// A whole number of the query. Errors: invalid_argument naming the parameter and the bounds.
Result<std::int64_t> query_integer(const http::Request& request, std::string_view name,
                                   std::int64_t fallback, std::int64_t minimum,
                                   std::int64_t maximum);
Result<std::int64_t> query_limit(const http::Request& request);
std::string query_text(const http::Request& request, std::string_view name);

/// Who asks, without an idempotency key.
controller::Caller caller_of(const http::Request& request);

/// The body as JSON; an empty one is an empty object.
Result<Json> body_json(const http::Request& request);

/// The body as a struct with a field table. Errors: invalid_argument with line and column of a
/// syntax fault, or with the field.
template <protocol::HasFields T>
Result<T> body_as(const http::Request& request) {
  GALLEY_TRY(const auto json, body_json(request));
  return protocol::parse_struct<T>(json);
}

}  // namespace galley::api
