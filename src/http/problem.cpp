#include "problem.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "http/client.h"

namespace galley::http {
namespace {

constexpr std::array<std::pair<Errc, int>, 13> kStatusOfErrc{{
    {Errc::invalid_argument, 400},
    {Errc::unauthenticated, 401},
    {Errc::forbidden, 403},
    {Errc::not_found, 404},
    {Errc::conflict, 409},
    {Errc::too_large, 413},
    {Errc::rate_limited, 429},
    {Errc::exhausted, 507},
    {Errc::unavailable, 503},
    {Errc::timeout, 504},
    {Errc::unsupported, 422},
    {Errc::corrupt, 500},
    {Errc::internal, 500},
}};

/// Text of a foreign answer that is quoted in an error; more would fill the terminal.
constexpr std::size_t kQuotedBytes = 200;

std::string text_field(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

Errc errc_named(std::string_view name, int status) {
  for (const auto& [code, unused] : kStatusOfErrc)
    if (to_string(code) == name) return code;
  return errc_of(status);
}

}  // namespace

int status_of(Errc code) {
  for (const auto& [errc, status] : kStatusOfErrc)
    if (errc == code) return status;
  return 500;
}

Errc errc_of(int status) {
  switch (status) {
    case 400:
    case 411:
      return Errc::invalid_argument;
    case 401:
      return Errc::unauthenticated;
    case 403:
      return Errc::forbidden;
    case 404:
    case 410:
      return Errc::not_found;
    case 409:
    case 412:
      return Errc::conflict;
    case 413:
    case 414:
    case 431:
      return Errc::too_large;
    case 429:
      return Errc::rate_limited;
    case 405:
    case 415:
    case 422:
    case 501:
    case 505:
      return Errc::unsupported;
    case 408:
    case 504:
      return Errc::timeout;
    case 502:
    case 503:
      return Errc::unavailable;
    case 507:
      return Errc::exhausted;
    default:
      return status >= 500 ? Errc::internal : Errc::invalid_argument;
  }
}

Response problem_with_status(int status, const Error& error, std::string_view request_id) {
  Json body{{"type", to_string(error.code)},
            {"title", reason_of(status)},
            {"status", status},
            {"detail", error.message},
            {"request_id", request_id}};
  if (!error.field.empty()) body["field"] = error.field;
  if (!error.expected.empty()) body["expected"] = error.expected;
  if (!error.hint.empty()) body["hint"] = error.hint;
  Response response{status, {}, dump_json(body)};
  response.headers.add("Content-Type", "application/problem+json");
  if (status == 503 || status == 429) response.headers.add("Retry-After", "1");
  return response;
}

Response problem(const Error& error, std::string_view request_id) {
  return problem_with_status(status_of(error.code), error, request_id);
}

Result<Response> expect_ok(Result<Response> answer) {
  if (!answer || answer->status < 400) return answer;
  const int status = answer->status;
  // A foreign server's body may be anything, so only an object of ours is taken apart.
  if (const auto body = parse_json(answer->body); body && body->is_object()) {
    Error error{errc_named(text_field(*body, "type"), status), text_field(*body, "detail"),
                text_field(*body, "field"), text_field(*body, "expected"),
                text_field(*body, "hint")};
    if (!error.message.empty()) return error;
  }
  Error error{errc_of(status), "the server answered " + std::to_string(status) + " " +
                                   std::string(reason_of(status))};
  const auto quoted = to_valid_utf8(trim(std::string_view(answer->body).substr(0, kQuotedBytes)));
  if (!quoted.empty()) error.message += ": " + quoted;
  return error;
}

}  // namespace galley::http
