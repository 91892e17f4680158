#include "error_reply.h"

#include <algorithm>
#include <array>

namespace galley::openai {
namespace {

/// What a prompt is called in the three kinds of requests.
constexpr std::array<std::string_view, 4> kPromptFields{"prompt", "messages", "input",
                                                        "max_tokens"};

bool is_about_prompt(const Error& error) {
  const std::string_view field = std::string_view(error.field).substr(0, error.field.find('['));
  return std::ranges::find(kPromptFields, field) != kPromptFields.end();
}

std::string_view type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403) return "permission_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

Json code_of(const Error& error) {
  switch (error.code) {
    case Errc::not_found:
      return error.field == "model" ? Json("model_not_found") : Json("not_found");
    case Errc::too_large:
      return is_about_prompt(error) ? Json("context_length_exceeded") : Json("too_large");
    case Errc::unauthenticated:
      return "invalid_api_key";
    case Errc::exhausted:
    case Errc::rate_limited:
      return "rate_limit_exceeded";
    case Errc::unavailable:
      return "unavailable";
    default:
      return nullptr;
  }
}

}  // namespace

int status_of(const Error& error) {
  if (error.code == Errc::too_large && is_about_prompt(error)) return 400;
  if (error.code == Errc::exhausted) return 429;
  return http::status_of(error.code);
}

Json error_body(const Error& error) {
  std::string message = error.message;
  if (!error.field.empty()) message = error.field + ": " + message;
  if (!error.expected.empty()) message += "; expected " + error.expected;
  if (!error.hint.empty()) message += "; " + error.hint;
  return {{"error",
           {{"message", std::move(message)},
            {"type", type_of(status_of(error))},
            {"param", error.field.empty() ? Json() : Json(error.field)},
            {"code", code_of(error)}}}};
}

http::Response error_reply(const Error& error) {
  const int status = status_of(error);
  auto response = http::Response::json(dump_json(error_body(error)), status);
  if (status == 429 || status == 503) response.headers.set("Retry-After", "1");
  if (status == 401) response.headers.set("WWW-Authenticate", "Bearer realm=\"galley\"");
  return response;
}

}  // namespace galley::openai
